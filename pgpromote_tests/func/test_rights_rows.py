"""No row becomes visible, no table a superuser's and no view unreadable while rights are proven as kept."""

from collections.abc import Iterator

import psycopg
import pytest

from pgpromote.postgres.model import Policy, Severity
from pgpromote.postgres.rights import carry
from pgpromote_tests.func.rights_lab import Lab, open_lab
from pgpromote_tests.servers import Server

ERROR, WARNING = Severity.ERROR, Severity.WARNING
ORDERS, PLAIN = "table shop.orders", "table shop.plain"

TABLES = """
CREATE SCHEMA shop;
CREATE FUNCTION shop.tenant() RETURNS text LANGUAGE sql STABLE AS 'SELECT current_user::text';
CREATE TABLE shop.orders (id integer, tenant text, state varchar(9), code char(3), amount numeric, day date);
CREATE TABLE shop.plain (id integer);
CREATE POLICY asleep ON shop.plain USING (id = 1);
"""
# Conditions as people write them; the server writes some of them anew when they are restored.
POLICIES = """
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE shop.plain DISABLE ROW LEVEL SECURITY;
CREATE POLICY own ON shop.orders USING (tenant = current_user) WITH CHECK (tenant = shop.tenant());
CREATE POLICY states ON shop.orders FOR SELECT TO <odd>, <staff>
    USING (state IN ('new', 'it''s', 'paid') AND amount BETWEEN -1 AND 1.5 AND code NOT IN ('a', 'b'));
CREATE POLICY fence ON shop.orders AS RESTRICTIVE
    USING (state <> 'gone' AND (day > now() - interval '1 year' OR EXISTS (SELECT FROM shop.plain AS p)));
CREATE POLICY "last one" ON shop.orders AS RESTRICTIVE TO <staff>
    USING (state IN ('only') OR state LIKE 'p%');
"""
AGAIN = """
DO $$DECLARE name text; BEGIN
    FOR name IN SELECT polname FROM pg_policy WHERE polrelid = 'shop.orders'::regclass LOOP
        EXECUTE format('DROP POLICY %I ON shop.orders', name);
    END LOOP;
END$$;
"""


@pytest.fixture(scope="module")
def pair(prod: Server) -> Iterator[Lab]:
    """Return two databases, one restored from the other."""
    with open_lab(prod) as lab:
        lab.run(lab.prod, TABLES + POLICIES)
        lab.restore()
        yield lab


@pytest.fixture
def equal(pair: Lab) -> Iterator[Lab]:
    """Return the two databases with equal row security, and make it equal again after the test."""
    yield pair
    for database in (pair.prod, pair.new):
        pair.run(database, AGAIN + POLICIES)


def told(lab: Lab, policy: Policy = Policy.KEEP) -> list[tuple[Severity, str, str]]:
    found = carry.prove(carry.read(lab.prod, "test"), lab.new, "test", policy)
    assert {f.rule for f in found} <= {"rights_kept"}
    return [(f.severity, f.object, f.message.replace(lab.mark, "")) for f in found]


# Row security -----------------------------------------------------------------------------------------------


@pytest.mark.versions(15, 16, 17, 18)
def test_row_security_that_came_through_a_restore_is_proven(pair: Lab) -> None:
    assert told(pair) == []


CHANGES = [
    (
        "ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY",
        (ERROR, ORDERS, "Row security is off and in prod it is on: all rows would be seen."),
    ),
    (
        "ALTER TABLE shop.orders NO FORCE ROW LEVEL SECURITY",
        (ERROR, ORDERS, "Row security no longer binds the owner, as it does in prod (FORCE)."),
    ),
    ("DROP POLICY fence ON shop.orders", (ERROR, ORDERS, "Policy fence of prod is gone.")),
    (
        "ALTER POLICY fence ON shop.orders USING (state <> 'gone')",
        (ERROR, ORDERS, "Policy fence differs from prod's in USING."),
    ),
    (
        'ALTER POLICY "last one" ON shop.orders TO <odd>',
        (ERROR, ORDERS, "Policy last one differs from prod's in roles."),
    ),
    (
        "DROP POLICY fence ON shop.orders; CREATE POLICY fence ON shop.orders FOR INSERT WITH CHECK (id > 0)",
        (ERROR, ORDERS, "Policy fence differs from prod's in kind, command, USING, WITH CHECK."),
    ),
    (
        "ALTER POLICY own ON shop.orders USING (true)",
        (ERROR, ORDERS, "Policy own differs from prod's in USING."),
    ),
    (
        "ALTER POLICY own ON shop.orders WITH CHECK (true)",
        (ERROR, ORDERS, "Policy own differs from prod's in WITH CHECK."),
    ),
    (
        "ALTER POLICY own ON shop.orders USING (tenant = 'a')",
        (WARNING, ORDERS, "Policy own differs from prod's in USING."),
    ),
    (
        "ALTER POLICY states ON shop.orders TO PUBLIC",
        (WARNING, ORDERS, "Policy states differs from prod's in roles."),
    ),
    (
        "ALTER POLICY states ON shop.orders USING (state IN ('new', 'paid'))",
        (WARNING, ORDERS, "Policy states differs from prod's in USING."),
    ),
    ("DROP POLICY states ON shop.orders", (WARNING, ORDERS, "Policy states of prod is gone.")),
    ("CREATE POLICY more ON shop.orders USING (id = 1)", (WARNING, ORDERS, "Policy more is new.")),
    (
        "ALTER TABLE shop.plain ENABLE ROW LEVEL SECURITY",
        (WARNING, PLAIN, "Row security is on and in prod it is off: rows may be hidden."),
    ),
]


@pytest.mark.parametrize(("change", "finding"), CHANGES, ids=[change for change, _ in CHANGES])
@pytest.mark.versions(15, 18)
def test_one_change_of_row_security_is_found(
    equal: Lab, change: str, finding: tuple[Severity, str, str]
) -> None:
    equal.run(equal.new, change)
    assert told(equal) == [finding]
    for chosen in (Policy.SOURCE, Policy.NONE):
        assert told(equal, chosen) == [(WARNING, *finding[1:])]


def test_lost_row_security_says_what_to_do(equal: Lab) -> None:
    equal.run(equal.new, "ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY")
    (finding,) = carry.prove(carry.read(equal.prod, "test"), equal.new, "test", Policy.KEEP)
    assert "--rights source" in finding.hint


@pytest.mark.parametrize(
    "harmless",
    [
        "ALTER POLICY fence ON shop.orders RENAME TO barrier",
        "ALTER POLICY own ON shop.orders RENAME TO mine; ALTER POLICY states ON shop.orders RENAME TO own",
        "ALTER POLICY states ON shop.orders TO <staff>, <odd>",
        "DROP POLICY asleep ON shop.plain; CREATE POLICY asleep ON shop.plain USING (true)",
    ],
)
def test_a_policy_of_another_name_or_without_effect_is_none_to_tell(equal: Lab, harmless: str) -> None:
    equal.run(equal.new, harmless)
    assert told(equal) == []


def test_a_view_in_place_of_a_table_with_row_security_is_an_error(lab: Lab) -> None:
    lab.run(lab.prod, "CREATE TABLE t (id integer); ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    lab.run(lab.new, "CREATE TABLE s (id integer); CREATE VIEW t AS SELECT id FROM s")
    found = [(severity, name) for severity, name, _ in told(lab) if severity is ERROR]
    assert found == [(ERROR, "view public.t")]


def test_row_security_on_a_table_of_one_database_is_none_to_tell(lab: Lab) -> None:
    secured = "CREATE TABLE {0} (id integer); ALTER TABLE {0} ENABLE ROW LEVEL SECURITY"
    lab.run(lab.prod, secured.format("gone"))
    lab.run(lab.new, secured.format("fresh"))
    assert {severity for severity, _, _ in told(lab)} == {Severity.INFO}


# A new object in a superuser's public -----------------------------------------------------------------------

BEFORE_15 = "ALTER DATABASE {} OWNER TO <owner>; ALTER SCHEMA public OWNER TO postgres"


def test_a_new_object_in_a_superusers_public_belongs_to_the_databases_owner(lab: Lab) -> None:
    lab.run(lab.prod, BEFORE_15.format(lab.prod.name))
    lab.run(lab.prod, "CREATE SCHEMA own; GRANT ALL ON SCHEMA public TO PUBLIC")
    lab.run(lab.new, "CREATE SCHEMA own; CREATE TABLE own.fresh (id integer); CREATE TABLE fresh (id serial)")
    carry.take_over(carry.read(lab.prod, "test"), lab.new, "test", Policy.KEEP)
    owners = {
        row[1]: str(row[2]).removesuffix(f"{lab.mark}") for row in lab.matrix(lab.new) if row[0] == "owner"
    }
    assert [owners[name] for name in ("public.fresh", "public.fresh_id_seq", "own.fresh")] == [
        "owner",
        "owner",
        "postgres",
    ]
    assert {severity for severity, _, _ in told(lab)} == {Severity.INFO}


def test_a_new_object_in_anothers_public_belongs_to_the_schemas_owner(lab: Lab) -> None:
    lab.run(
        lab.prod, f"ALTER DATABASE {lab.prod.name} OWNER TO <owner>; ALTER SCHEMA public OWNER TO <staff>"
    )
    lab.run(lab.new, "CREATE TABLE fresh (id integer)")
    carry.take_over(carry.read(lab.prod, "test"), lab.new, "test", Policy.KEEP)
    assert told(lab) == [
        (Severity.INFO, "table public.fresh", "New: owner staff; no rights for anybody else.")
    ]


# Views that their owner's rights break ----------------------------------------------------------------------

VIEWS = """
CREATE TABLE t (id integer, secret text);
CREATE VIEW v AS SELECT id FROM t;
CREATE MATERIALIZED VIEW m AS SELECT id FROM t;
"""
THEIRS = """
GRANT SELECT (id) ON t TO <owner>; GRANT CREATE ON SCHEMA public TO <owner>;
ALTER VIEW v OWNER TO <owner>; ALTER MATERIALIZED VIEW m OWNER TO <owner>;
"""


@pytest.fixture
def viewed(lab: Lab) -> Lab:
    """Return a prod whose views' owner may read no more than they show."""
    lab.run(lab.prod, VIEWS + THEIRS)
    return lab


def test_a_view_that_reads_what_its_owner_may_read_is_proven(viewed: Lab) -> None:
    viewed.run(viewed.new, VIEWS)
    carry.take_over(carry.read(viewed.prod, "test"), viewed.new, "test", Policy.KEEP)
    assert told(viewed) == []


def test_a_view_that_reads_what_its_owner_may_not_is_a_warning_and_does_not_work(viewed: Lab) -> None:
    viewed.run(
        viewed.new,
        "CREATE TABLE t (id integer, secret text); CREATE TABLE fresh (id integer);"
        "CREATE VIEW v AS SELECT id FROM t JOIN fresh USING (id);"
        "CREATE MATERIALIZED VIEW m AS SELECT secret FROM t",
    )
    carry.take_over(carry.read(viewed.prod, "test"), viewed.new, "test", Policy.KEEP)
    assert [finding for finding in told(viewed) if finding[0] is not Severity.INFO] == [
        (
            WARNING,
            "materialized view public.m",
            "Its owner owner may not read all that it needs of public.t, so nobody can use it.",
        ),
        (
            WARNING,
            "view public.v",
            "Its owner owner may not read all that it needs of public.fresh, so nobody can use it.",
        ),
    ]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="fresh"):
        viewed.run(viewed.new, "SELECT id FROM v")


def test_a_view_that_prod_had_broken_is_none_to_tell(lab: Lab) -> None:
    lab.run(lab.prod, VIEWS + THEIRS + "REVOKE SELECT (id) ON t FROM <owner>")
    lab.run(lab.new, VIEWS)
    carry.take_over(carry.read(lab.prod, "test"), lab.new, "test", Policy.KEEP)
    assert told(lab) == []


def test_a_view_that_asks_for_the_readers_rights_needs_none_of_its_owner(viewed: Lab) -> None:
    viewed.run(viewed.prod, "ALTER VIEW v SET (security_invoker = on)")
    viewed.run(
        viewed.new,
        VIEWS + "CREATE OR REPLACE VIEW v WITH (security_invoker = on) AS SELECT id FROM t WHERE secret = ''",
    )
    carry.take_over(carry.read(viewed.prod, "test"), viewed.new, "test", Policy.KEEP)
    assert told(viewed) == []
