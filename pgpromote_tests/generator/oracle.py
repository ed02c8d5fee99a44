"""Compare two databases by means that are not the product's: pg_dump's plain text, and SELECT.

A picture of a database holds the text of pg_dump for each object, the rows of each relation and view, the
positions of its sequences, and facts that pg_dump does not write (`facts.sql`). Differences that mean nothing
are taken out one by one, where the reason stands.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

FIXED = {
    "search_path": "",
    "TimeZone": "UTC",
    "DateStyle": "ISO,YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "quote_all_identifiers": "off",
    "row_security": "off",
    "lc_monetary": "C",
    "statement_timeout": "20s",
}
SETTINGS = " ".join(f"-c {name}={value}" for name, value in FIXED.items())
HEADER = re.compile(r"^--\n-- (Name: .*)\n--\n", re.MULTILINE)
# What stands between entries, wherever pg_dump's order put it: settings for the next ones, the file's frame.
BETWEEN = re.compile(r"^(SET default_\w+ = .*;|\\(un)?restrict .*|--|-- PostgreSQL database dump complete|)$")
# A server that reads `(ARRAY['a'::varchar])::text[]` casts the elements: `ARRAY[('a'::varchar)::text]`.
CAST_ARRAY = re.compile(r"\(ARRAY\[((?:'(?:[^']|'')*'::[\w .\"]+(?:\(\d+\))?(?:, )?)+)\]\)::([\w .\"]+)\[\]")
ELEMENT = re.compile(r"'(?:[^']|'')*'::[\w .\"]+(?:\(\d+\))?")
# pg_dump writes `DEFAULT NULL` for a child without its parent's default. The server keeps that only where a
# cast to a length belongs to it, and then for the child's children, too. It is what no default is.
NULL_DEFAULT = re.compile(r" DEFAULT NULL(::[\w .\"()\[\]]+?)?(?=[,;]?$| NOT NULL| CONSTRAINT )")
NO_DEFAULT = re.compile(
    r"^ALTER TABLE ONLY .* ALTER COLUMN .* SET DEFAULT NULL(::[\w .\"()\[\]]+)?;$", re.DOTALL
)
STATISTICS = re.compile(r" ON (.+) FROM ", re.DOTALL)
UNFILLED = re.compile(r"^55000 materialized view .* has not been populated$", re.DOTALL)
FACTS = (Path(__file__).parent / "facts.sql").read_text()
RELATIONS = """
    -- pg_dump 16 loads a hash partition by an enum through its root: rows may move between leaves, and
    -- a view of one leaf shows other rows.
    WITH RECURSIVE moving (oid) AS (
        SELECT c.oid FROM pg_class c
        WHERE c.relispartition AND EXISTS (
            SELECT FROM pg_partition_tree(c.oid), pg_partition_ancestors(c.oid) a
            JOIN pg_partitioned_table p ON p.partrelid = a.relid WHERE p.partstrat = 'h')
        UNION
        SELECT r.ev_class FROM moving m
        JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = m.oid
            AND d.classid = 'pg_rewrite'::regclass
        JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_type = '1')
    SELECT format('%I.%I', n.nspname, c.relname), n.nspname::text, c.relname::text, c.relkind::text,
        array(SELECT attname::text FROM pg_attribute
              WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attname::text COLLATE "C")
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (
            SELECT FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        AND c.oid NOT IN (SELECT oid FROM moving)
    ORDER BY 1
"""


@dataclass(frozen=True)
class Picture:
    """A picture of a database: text by entry header, rows by relation, positions by sequence, other facts."""

    entries: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, tuple[str, ...]]
    positions: Mapping[str, tuple[str, ...]]
    facts: frozenset[str]


@dataclass(frozen=True)
class Announced:
    """The announced changes of a promotion: columns that got an identity, sequences moved, views filled.

    `filled` are the statements that refreshed materialized views which are empty on dev.
    """

    identities: frozenset[str] = frozenset()
    sequences: frozenset[str] = frozenset()
    filled: tuple[str, ...] = ()


def picture(url: str, pg_dump: str) -> Picture:
    """Return the picture of a database."""
    with psycopg.connect(url, autocommit=True, options=SETTINGS) as session:
        session.execute("SET search_path = pg_catalog")
        relations = session.execute(RELATIONS).fetchall()
        facts = frozenset(str(fact) for (fact,) in session.execute(FACTS.encode()))
        session.execute("SET search_path = ''")
        seen = {label: (found[2], _rows(session, *found)) for label, *found in relations}
    return Picture(
        entries(_text(url, pg_dump)),
        {label: rows for label, (kind, rows) in seen.items() if kind != "S"},
        {label: rows for label, (kind, rows) in seen.items() if kind == "S"},
        facts,
    )


def _text(url: str, pg_dump: str) -> str:
    command = [pg_dump, "--schema-only", "--no-owner", "--no-privileges", f"--dbname={url}"]
    environment = {**os.environ, "PGOPTIONS": SETTINGS}
    written = subprocess.run(command, check=True, capture_output=True, env=environment).stdout
    # A server cuts the name that it gives to a multirange type within a character.
    return written.decode(errors="surrogateescape")


def entries(text: str) -> dict[str, tuple[str, ...]]:
    """Return pg_dump's plain text by the header of each entry; entries of one header are put in order."""
    parts = HEADER.split(text)
    found: dict[str, list[str]] = {}
    for header, body in zip(parts[1::2], parts[2::2], strict=True):
        kept = [line for line in body.split("\n") if not BETWEEN.match(line)]
        if not NO_DEFAULT.match("\n".join(kept)):
            found.setdefault(header, []).append("\n".join(_meant(header, kept)))
    return {header: tuple(sorted(bodies)) for header, bodies in found.items()}


def _meant(header: str, lines: list[str]) -> list[str]:
    """Return the lines without differences that mean the same.

    The column order of an inheriting child: inherited columns come first in a restored one. Nothing but
    `SELECT *` and an INSERT without columns sees it, and pg_dump cannot keep it. The server lists the columns
    of statistics in that order.
    """
    lines = [NULL_DEFAULT.sub("", CAST_ARRAY.sub(_with_cast_elements, line)) for line in lines]
    if "; Type: STATISTICS;" in header:
        lines = [_with_sorted_columns(line) for line in lines]
    inheriting = "; Type: TABLE;" in header and any(line.startswith("INHERITS (") for line in lines)
    return sorted(line.rstrip(",") for line in lines) if inheriting else lines


def _with_sorted_columns(line: str) -> str:
    """Sort the columns of statistics. A name with a comma is two parts, on both sides alike."""
    return STATISTICS.sub(lambda found: f" ON {', '.join(sorted(found[1].split(', ')))} FROM ", line)


def _with_cast_elements(cast: re.Match[str]) -> str:
    return f"ARRAY[{', '.join(f'({element})::{cast[2]}' for element in ELEMENT.findall(cast[1]))}]"


def _rows(
    session: psycopg.Connection[tuple[object, ...]], schema: str, name: str, kind: str, columns: list[str]
) -> tuple[str, ...]:
    relation = sql.Identifier(schema, name)
    if kind == "S":
        query = sql.SQL("SELECT format('%s %s', last_value, is_called) FROM {}").format(relation)
    elif kind in "vm" or not columns:
        # By column name also inside of a whole row, which has the column order of its table.
        query = sql.SQL("SELECT pg_catalog.to_jsonb(x.*)::text FROM {} AS x").format(relation)
    else:
        listed = sql.SQL(", ").join(sql.Identifier("x", column) for column in columns)
        only = sql.SQL("ONLY" if kind == "r" else "")
        query = sql.SQL("SELECT ROW({})::text FROM {} {} AS x").format(listed, only, relation)
    try:
        return tuple(sorted(str(row) for (row,) in session.execute(query)))
    except psycopg.Error as error:
        return (f"{error.sqlstate} {error.diag.message_primary}",)


def differences(dev: Picture, prod: Picture, announced: Announced = Announced()) -> list[str]:
    """Return the differences that were not announced, a line or some lines each."""
    facts, rows = _filled(dev, prod, announced)
    facts = _as_invalid(dev.facts, facts)
    return [
        *_of_mappings("entry", dev.entries, _without(prod.entries, announced)),
        *_of_mappings("rows", dev.rows, rows),
        *_of_mappings("position", dev.positions, _moved(dev.positions, prod.positions, announced)),
        *(f"fact only in dev: {fact}" for fact in sorted(dev.facts - facts)),
        *(f"fact only in prod: {fact}" for fact in sorted(facts - dev.facts)),
    ]


def _as_invalid(dev: frozenset[str], prod: frozenset[str]) -> frozenset[str]:
    """Return prod's facts with indexes as invalid as on dev.

    On dev an index stays invalid after the partition that lacks it is gone: the server never notices that.
    """
    invalid = {fact.replace(" valid f ", " valid t "): fact for fact in dev if fact.startswith("index ")}
    return frozenset(invalid.get(fact, fact) for fact in prod)


def _bare(name: str) -> str:
    """Return a name without its quotes, which one side writes only where they are needed."""
    return name.replace('"', "")


def _filled(
    dev: Picture, prod: Picture, announced: Announced
) -> tuple[frozenset[str], Mapping[str, tuple[str, ...]]]:
    """Return prod's facts and rows but for views that are empty on dev and were filled, and their readers."""
    filled = {
        fact: f"{fact.removesuffix('true')}false"
        for fact in prod.facts - dev.facts
        if fact.startswith("populated ")
        and any(
            _bare(fact.removeprefix("populated ").removesuffix(" true")) in _bare(text)
            for text in announced.filled
        )
    }
    unread = {name for name, rows in dev.rows.items() if filled and any(map(UNFILLED.match, rows))}
    rows = {name: dev.rows[name] if name in unread else rows for name, rows in prod.rows.items()}
    return frozenset(filled.get(fact, fact) for fact in prod.facts), rows


def _of_mappings(
    what: str, dev: Mapping[str, tuple[str, ...]], prod: Mapping[str, tuple[str, ...]]
) -> Iterable[str]:
    for name in sorted(dev.keys() | prod.keys()):
        if dev.get(name) != prod.get(name):
            ours, theirs = ("\n".join(side.get(name, ("(none)",))) for side in (dev, prod))
            yield f"{what} {name}\n  dev:  {ours}\n  prod: {theirs}"


def _without(entries: Mapping[str, tuple[str, ...]], announced: Announced) -> dict[str, tuple[str, ...]]:
    """Return the entries without the identities that the repair has announced."""
    expected = tuple(
        # as `entries` keeps it, without empty lines, which a name may hold
        re.sub(r"\n+", "\n", f"ALTER TABLE {column} ADD GENERATED BY DEFAULT AS IDENTITY (")
        for column in announced.identities
    )
    return {
        header: bodies
        for header, bodies in entries.items()
        if not (expected and "; Type: SEQUENCE;" in header and all(b.startswith(expected) for b in bodies))
    }


def _moved(
    dev: Mapping[str, tuple[str, ...]], prod: Mapping[str, tuple[str, ...]], announced: Announced
) -> dict[str, tuple[str, ...]]:
    """Return prod's positions without the sequences that the repair has moved or made."""
    made = {name for name in prod if name not in dev and announced.identities}
    return {
        name: dev[name] if name in announced.sequences and name in dev else place
        for name, place in prod.items()
        if name not in made
    }
