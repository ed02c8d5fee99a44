"""The separate build login: where it is read from, and which words of an archive the promoter may say."""

import pytest

from pgpromote.defs.failures import clean
from pgpromote.postgres.checks.builder import UNTRUSTED, is_drop, only_grants
from pgpromote.postgres.errors import InvalidUrl
from pgpromote.promotion import BUILD
from pgpromote.settings import from_environment

URL = "postgresql://builder:Canary%40x@prod.example/any"


def test_without_its_url_there_is_no_build_login() -> None:
    assert from_environment({}).build_login() is None
    assert from_environment({BUILD: ""}).build_login() is None


def test_its_password_is_hidden_like_the_others() -> None:
    promotion = from_environment({BUILD: URL})
    login = promotion.build_login()
    assert login
    assert "Canary" not in repr(login)
    assert clean("it said Canary@x twice: Canary@x", promotion) == "it said *** twice: ***"
    with pytest.raises(InvalidUrl, match=BUILD) as caught:
        from_environment({BUILD: "Canary"}).build_login()
    assert "Canary" not in str(caught.value)


GRANTS = [
    "GRANT SELECT ON TABLE public.t TO reader;\n",
    'REVOKE ALL ON SCHEMA "a;b" FROM PUBLIC;\nGRANT ALL ON SCHEMA "a;b" TO "DROP t; --" WITH GRANT OPTION;\n',
    'GRANT SELECT(id),UPDATE("no $$"" \'x") ON TABLE public.t TO reader;\n',
    'SET SESSION AUTHORIZATION "ow""ner";\nGRANT USAGE ON TYPE x TO y;\nRESET SESSION AUTHORIZATION;\n',
    "ALTER DEFAULT PRIVILEGES FOR ROLE a IN SCHEMA b GRANT SELECT ON TABLES TO c;\n",
    "GRANT ALL ON LARGE OBJECT 16400 TO a;\n",
]
MORE = [
    "GRANT owner TO reader;",
    "GRANT CONNECT ON DATABASE other TO PUBLIC;",
    "GRANT CONNECT ON\n\tdatabase other TO PUBLIC;",
    "GRANT SET ON PARAMETER work_mem TO a;",
    "GRANT SELECT ON TABLE t TO a; ALTER ROLE promoter PASSWORD 'x';",
    "ALTER ROLE promoter PASSWORD 'x';",
    "GRANT SELECT ON TABLE t TO a; SELECT f('; GRANT x ON y TO z');",
    "DO $$ BEGIN END $$",
    "GRANT SELECT ON TABLE t TO a -- ;\n",
    "ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT SELECT ON TABLES TO c; DROP TABLE t",
]


@pytest.mark.parametrize("text", GRANTS)
def test_grants_as_pg_dump_writes_them_pass(text: str) -> None:
    assert only_grants(text)


@pytest.mark.parametrize("text", MORE)
def test_whatever_else_stands_among_grants_is_seen(text: str) -> None:
    assert not only_grants(text)


def test_a_name_that_is_taken_from_a_drop_is_nothing_but_a_name() -> None:
    assert is_drop('DROP FUNCTION public.f(integer, "a;b" text);\n')
    assert is_drop("DROP OPERATOR public.- (integer, integer);\n")
    assert is_drop("DROP OPERATOR CLASS public.ints USING hash;\n")
    assert not is_drop("DROP FUNCTION public.f(); ALTER ROLE promoter SUPERUSER;")
    assert not is_drop("ALTER ROLE promoter SUPERUSER")
    assert not is_drop("DROP FUNCTION f() /* OWNER TO x */")


@pytest.mark.parametrize("language", ["plpython3u", '"plperlu"', "pltclu"])
def test_languages_that_only_a_superuser_writes_are_known(language: str) -> None:
    assert UNTRUSTED.search(f"CREATE FUNCTION f() RETURNS integer\n    LANGUAGE {language}\n    AS $$x$$;")
    assert not UNTRUSTED.search("CREATE FUNCTION f() RETURNS integer LANGUAGE plpgsql AS $$x$$;")
