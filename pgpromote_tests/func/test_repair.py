"""Each file under cases/ is one schema shape and says in its comments what repair must make of it.

    -- plan: add <column> <next value>            an identity is added
    -- plan: bump <column> <before> -> <after>    a sequence is moved
    -- skip: <column> <reason>                    a defect is left alone
    -- find: <rule> <column>                      a person should look
    -- then: <query> => <values>|error <SQLSTATE>|ok    what happens after the repair

A keyword may name the major versions it holds for: `then[15,16]:`. `\\n` and `\\\\` stand for themselves.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres import audit
from pgpromote.postgres.keys import repair
from pgpromote.postgres.keys.repair import Repair
from pgpromote.postgres.server import Database, connect
from pgpromote_tests.servers import Server

DATA = Path(__file__).parent.parent / "data"
CASES = sorted((Path(__file__).parent.parent / "cases").glob("[0-9]*.sql"))
EXPECTATION = re.compile(r"^-- (plan|skip|find|then)(?:\[([\d,]+)\])?: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """A script, and what is expected of it on one major version."""

    script: str
    expected: dict[str, list[str]] = field(default_factory=dict)


def read_case(path: Path, major: int) -> Case:
    script = path.read_text(encoding="utf-8")
    case = Case(script, {"plan": [], "skip": [], "find": [], "then": []})
    for keyword, majors, text in EXPECTATION.findall(script):
        if not majors or str(major) in majors.split(","):
            case.expected[keyword].append(text.replace(r"\n", "\n").replace(r"\\", "\\"))
    return case


def told(done: Repair) -> dict[str, list[str]]:
    added = [f"add {c.table}.{c.column} {c.after}" for c in done.changes if c.action == repair.ADD_IDENTITY]
    bumped = [
        f"bump {c.table}.{c.column} {c.before} -> {c.after}" for c in done.changes if c.action == repair.BUMP
    ]
    return {
        "plan": sorted(added + bumped),
        "skip": sorted(f"{s.table}.{s.column} {s.reason}" for s in done.skipped),
        "find": sorted(f"{f.rule} {f.object}" for f in done.findings),
    }


def outcome(server: Server, query: str, database: str) -> str:
    try:
        with psycopg.connect(server.url(database), autocommit=True) as session:
            cursor = session.execute(query.encode())
            rows = cursor.fetchall() if cursor.description else [("ok",)]
    except psycopg.Error as error:
        return f"error {error.sqlstate}"
    return ", ".join(str(row[0].decode() if isinstance(row[0], bytes) else row[0]) for row in rows)


def planned(database: Database) -> Repair:
    with connect(database) as session:
        return repair.plan(session)


def promised(database: Database) -> set[str]:
    """Return the statements that the audit says repair will run."""
    return {found.fix[:-1] for found in audit.examine(database, "test", [audit.KEYS]) if found.fix}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@pytest.mark.versions(15, 18)
def test_a_case_is_repaired_as_its_file_says(path: Path, prod: Server) -> None:
    case = read_case(path, prod.major)
    database = prod.new_database(case.script)
    expected = {keyword: sorted(case.expected[keyword]) for keyword in ("plan", "skip", "find")}

    before = planned(database)
    assert told(before) == expected
    adding = {c.statements[0].sql for c in before.changes if c.action == repair.ADD_IDENTITY}
    used_up = [s for s in before.skipped if s.reason == "exhausted"]  # the audit reads no table
    assert adding <= promised(database)
    assert len(promised(database) - adding) <= len(used_up)

    done = repair.repair(database, "test")
    assert told(done) == expected
    assert done.statements == before.statements

    again = repair.repair(database, "test")
    assert again.statements == ()

    for line in case.expected["then"]:
        query, _, result = line.partition(" => ")
        assert outcome(prod, query, database.name) == result, query


def test_every_reason_to_leave_a_key_alone_has_a_test() -> None:
    sources = [*CASES, *Path(__file__).parent.glob("test_repair*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    assert [reason for reason in repair.REASONS if not re.search(rf"\b{reason}\b", text)] == []


@pytest.mark.versions(15, 16, 17, 18)
def test_a_public_database_with_the_defect_takes_inserts_after_its_repair(prod: Server) -> None:
    database = prod.new_database((DATA / "chinook.sql").read_text(encoding="utf-8"))
    done = repair.repair(database, "test")
    assert len(done.changes) == 10
    assert [(s.table, s.reason) for s in done.skipped] == [("public.playlist_track", "composite")]

    ids = "INSERT INTO artist (name) VALUES ('A'), ('B') RETURNING artist_id"
    assert prod.rows(ids, database.name) == [(276,), (277,)]
    album = "INSERT INTO album (title, artist_id) VALUES ('T', 276) RETURNING album_id"
    assert prod.rows(album, database.name) == [(348,)]
