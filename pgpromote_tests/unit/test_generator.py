"""The generator's scripts are reproducible, its names fit, its oracle takes out only what means the same."""

from random import Random

import pytest

from pgpromote_tests.generator.judge import Outcome, Verdict
from pgpromote_tests.generator.names import LONGEST, name
from pgpromote_tests.generator.oracle import entries
from pgpromote_tests.generator.reduce import reduce
from pgpromote_tests.generator.scripts import BYTES, statements, steps
from pgpromote_tests.generator.world import Statement, Traits

TRAITS = Traits(16, 18)


def chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - chosen content, no secret


def test_names_have_one_to_63_bytes() -> None:
    drawn = [name(chance(seed), "hint") for seed in range(2000)]
    assert {len(each.encode()) for each in drawn} >= {1, 3, 62, LONGEST}
    assert all(0 < len(each.encode()) <= LONGEST for each in drawn)


def test_the_same_bytes_make_the_same_script() -> None:
    drawn = chance(7).randbytes(BYTES * 40)
    assert statements(steps(drawn), TRAITS) == statements(steps(drawn), TRAITS)


def test_scripts_hold_the_rarer_kinds_too() -> None:
    kinds = {
        statement.kind
        for seed in range(60)
        for statement in statements(steps(chance(seed).randbytes(BYTES * 30)), TRAITS)
    }
    assert kinds >= {"TABLE", "VIEW", "INDEX", "TRIGGER", "POLICY", "FUNCTION", "FK CONSTRAINT", "STATISTICS"}


def entry(kind: str, text: str) -> str:
    return f"--\n-- Name: x; Type: {kind}; Schema: s; Owner: -\n--\n\n{text}\n\n"


@pytest.mark.parametrize(
    ("kind", "ours", "theirs"),
    [
        (
            "VIEW",
            "(x = ANY ((ARRAY['a'::varchar, 'it''s'::varchar])::text[]))",
            "(x = ANY (ARRAY[('a'::varchar)::text, ('it''s'::varchar)::text]))",
        ),
        (
            "TABLE",
            "CREATE TABLE s.x (\n    a text,\n    b text\n)\nINHERITS (s.y);",
            "CREATE TABLE s.x (\n    b text,\n    a text\n)\nINHERITS (s.y);",
        ),
        ("TABLE", "    a varchar(3)\n);", "    a varchar(3) DEFAULT NULL::character varying\n);"),
    ],
)
def test_what_means_the_same_is_the_same_to_the_oracle(kind: str, ours: str, theirs: str) -> None:
    assert entries(entry(kind, ours)) == entries(entry(kind, theirs))


@pytest.mark.parametrize(
    ("kind", "ours", "theirs"),
    [
        ("VIEW", "((a) AND ((b) OR (c)))", "((a) AND (b) OR (c))"),
        ("VIEW", "ANY ((ARRAY['a'::varchar])::text[])", "ANY (ARRAY[('b'::varchar)::text])"),
        ("VIEW", "ANY ((ARRAY['a'::varchar])::text[])", "ANY (ARRAY[('a'::varchar)::name])"),
        ("TABLE", "(\n    a text,\n    b text\n);", "(\n    b text,\n    a text\n);"),
        ("TABLE", "    a text DEFAULT 'NULL'\n);", "    a text\n);"),
    ],
)
def test_what_means_something_else_is_another_to_the_oracle(kind: str, ours: str, theirs: str) -> None:
    assert entries(entry(kind, ours)) != entries(entry(kind, theirs))


def test_a_dump_is_cut_at_its_entries() -> None:
    table, view = (
        entry("TABLE", "CREATE TABLE s.x (\n    b integer\n);"),
        entry("VIEW", "CREATE VIEW s.x AS\n;"),
    )
    text = f"SET x = 1;\n\n{table}SET default_tablespace = '';\n\n{view}"
    assert entries(text) == {
        "Name: x; Type: TABLE; Schema: s; Owner: -": ("CREATE TABLE s.x (\n    b integer\n);",),
        "Name: x; Type: VIEW; Schema: s; Owner: -": ("CREATE VIEW s.x AS\n;",),
    }


def test_a_script_is_reduced_to_what_fails() -> None:
    script = tuple(Statement("TABLE", str(number)) for number in range(20))

    def judge(part: tuple[Statement, ...]) -> Outcome:
        wrong = {"3", "17"} <= {statement.sql for statement in part}
        return Outcome(part, Verdict.WRONG if wrong else Verdict.EQUAL)

    assert [statement.sql for statement in reduce(judge(script), judge, 60).script] == ["3", "17"]
