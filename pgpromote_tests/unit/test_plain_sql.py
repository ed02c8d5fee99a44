"""What psql would do by itself is found in a text; what only looks like it is not."""

import pytest

from pgpromote.postgres.archives.plain_sql import Command, commands

# fmt: off
HOSTILE = {
    "a program": ("\\! id", ["\\!"]),
    "after a statement": ("SELECT 1; \\! id", ["\\!"]),
    "within a statement": ("SELECT 1\n  \\g |cat", ["\\g"]),
    "a program for rows": ("\\copy t from program 'id'", ["\\copy"]),
    "output into a program": ("\\o |cat", ["\\o"]),
    "another server": ("\\connect postgresql://elsewhere/shop", ["\\connect"]),
    "the short form": ("\\c - postgres", ["\\c"]),
    "our environment": ("\\getenv secret PROD_DATABASE_URL", ["\\getenv"]),
    "another file": ("\\i /etc/passwd\n\\ir x", ["\\i", "\\ir"]),
    "each row as SQL": ("SELECT 'DROP TABLE t' \\gexec", ["\\gexec"]),
    "behind a harmless command": ("\\unrestrict abc \\! id", ["\\unrestrict"]),
    "a backtick in a harmless command": ("\\unrestrict `id`", ["\\unrestrict"]),
    "a variable in a harmless command": ("\\restrict :x", ["\\restrict"]),
    "a backtick": ("\\set x `id`", ["\\set"]),
    "end of the transaction": ("commit;", ["COMMIT"]),
    "in other words": ("END; ABORT; ROLLBACK; PREPARE TRANSACTION 'x';", ["END", "ABORT", "ROLLBACK", "PREPARE"]),
    "behind a comment": ("/* a /* b */ c */ COMMIT; -- \\!\n\\! id", ["COMMIT", "\\!"]),
    "behind a comment within": ("CO/**/PY; COM/* */MIT; /**/COMMIT;", ["COMMIT"]),
    "behind rows": ("COPY t FROM stdin;\n1\n\\.\n\\! id", ["\\!"]),
    "rows that are none": ("SELECT 'COPY t FROM stdin;';\n\\! id", ["\\!"]),
    "rows of another COPY": ("COPY t FROM '/tmp/x';\n\\! id", ["\\!"]),
    "rows to somewhere": ("COPY t TO stdout;\n\\! id", ["\\!"]),
    "a name that looks like rows": ('SELECT 1 AS "COPY t FROM stdin;";\n\\! id', ["\\!"]),
    "a string with a backslash at its end": ("SELECT 'C:\\'; \\! id", ["\\!"]),
    "an escaped quote": ("SELECT E'it\\'s'; \\! id", ["\\!"]),
    "an identifier before a quote": ("SELECT date'2001-01-01\\'; \\! id", ["\\!"]),
    "a dollar quote": ("SELECT $a$ ; \\! $b$ x $a$; \\! id", ["\\!"]),
    "a dollar in a name": ("SELECT a$b$; \\! $b$", ["\\!"]),
    "a body without quotes": ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; COMMIT;", ["COMMIT"]),
    "other strings": ("SET standard_conforming_strings = off;", ["standard_conforming_strings"]),
    "other strings, later": ("SELECT set_config('STANDARD_conforming_strings', 'off', false);", ["standard_conforming_strings"]),
    "other strings, in a body": ("DO $$BEGIN SET standard_conforming_strings TO off; END$$;", ["standard_conforming_strings"]),
    "other characters": ("SET client_encoding = 'SJIS';", ["client_encoding"]),
    "other characters, over lines": ("SET client_encoding =\n 'SJIS';", ["client_encoding"]),
}
HONEST = {
    "pg_dump's frame": "\\restrict abc\nSET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n\\unrestrict abc",
    "rows with backslashes": "COPY public.t (a, \"b c\") FROM stdin;\n\\\\! id\t\\N\nCOMMIT;\n\\.\n",
    "a string that ends with a backslash": "COMMENT ON TABLE t IS 'C:\\'; COMMENT ON TABLE t IS 'it\\''s';",
    "a string": "COMMENT ON TABLE t IS 'COMMIT; \\! id';",
    "a string over lines": "COMMENT ON TABLE t IS 'a\nCOMMIT;\n\\! id\n''x''';",
    "an escape string": "ALTER TABLE t ALTER a SET DEFAULT E'\\\\! \\' COMMIT;';",
    "a name": 'CREATE TABLE "\\! id; COMMIT;" (a int, "b""; \\! " int);',
    "a body": "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $_$ BEGIN COMMIT; -- \\!\n END; $_$;",
    "a body without quotes": (
        "CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC\n SELECT CASE WHEN true THEN 1 END;\n DELETE FROM t;\nEND;\nSELECT 1;"
    ),
    "a rule": "CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM a; DELETE FROM b);",
    "words that end nothing": "CREATE TABLE commits (\"end\" int, rollback int); ALTER TABLE t RENAME COLUMN abort TO x;",
    "a comment": "-- \\! id; COMMIT;\n/* \\! id\n COMMIT; */ SELECT 1;",
    "operators": "CREATE OPERATOR public.\"#\" (PROCEDURE = f); SELECT 1 OPERATOR(public.#) 2, 'a' ~ '\\d';",
}
# fmt: on


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_psql_would_do_by_itself_is_found(kind: str) -> None:
    text, names = HOSTILE[kind]
    found = [command.name for command in commands(text.split("\n"))]
    assert found == names


@pytest.mark.parametrize("kind", HONEST)
def test_what_pg_dump_writes_is_no_command(kind: str) -> None:
    assert list(commands(HONEST[kind].split("\n"))) == []


def test_a_command_is_told_with_its_line() -> None:
    lines = ["SELECT 1;", "SELECT '", "';  \\! id", "COMMIT;"]
    assert list(commands(lines)) == [Command("\\!", 3), Command("COMMIT", 4)]
