"""What may be shown of a server's message: its fixed text and names, never a value."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import pgpromote.postgres
from pgpromote.postgres import details
from pgpromote.postgres.details import FILE_BYTES, Details
from pgpromote.postgres.loading.restore_messages import shown_error
from pgpromote.postgres.model import RestoreError
from pgpromote.postgres.server import parse_url

NAMES = frozenset({"orders", 'or"ders', "app", "orders_pkey", "Größe", "rates"})
SECRET = "Geheim"
# Message, and what is shown of it when code of the database ran.
MESSAGES = [
    ('duplicate key value violates unique constraint "orders_pkey"', None),
    ('duplicate key value violates unique constraint "or"ders"', None),
    ('null value in column "a" of relation "orders" violates not-null constraint', None),
    ('relation "app.rates" does not exist', None),
    ('relation "rates" does not exist', None),
    ("division by zero", None),
    ('database "shop" is being accessed by other users', None),
    (f'relation "{SECRET}" does not exist', 'relation "…" does not exist'),
    (f'role "{SECRET}" does not exist', 'role "…" does not exist'),
    (f'invalid input syntax for type integer: "{SECRET}"', 'invalid input syntax for type integer: "…"'),
    (f'invalid input syntax for type date: "a" {SECRET} "b"', 'invalid input syntax for type date: "…"'),
    (f'invalid input syntax for type date: "a\n{SECRET}"', 'invalid input syntax for type date: "…"'),
    (f'invalid input syntax for type date: "orders" {SECRET} "', 'invalid input syntax for type date: "…"'),
    (f'time zone "orders" {SECRET}" not recognized', 'time zone "…" not recognized'),
    (f'invalid input value for enum mood: "relation "{SECRET}" x"', 'invalid input value for enum mood: "…"'),
    (f'value "{SECRET}" is out of range for type integer', 'value "…" is out of range for type integer'),
    (f'time zone "{SECRET}" not recognized', 'time zone "…" not recognized'),
    (f'syntax error at or near "{SECRET}"', 'syntax error at or near "…"'),
    (f'invalid value for parameter "TimeZone": "{SECRET}"', 'invalid value for parameter "TimeZone": "…"'),
    (f"ungültige Eingabesyntax für Typ integer: »{SECRET}«", 'ungültige Eingabesyntax für Typ integer: "…"'),
    (f"date non valide : « {SECRET} »", 'date non valide : "…"'),
    (f"型整数の入力構文が不正です: 「{SECRET}」", '型整数の入力構文が不正です: "…"'),
]


@pytest.mark.parametrize(("message", "shown"), MESSAGES)
def test_names_are_shown_and_values_are_not(message: str, shown: str | None) -> None:
    record = f"pg_restore: error: could not execute query: ERROR:  {message}\nCommand was: SELECT 1;"
    told = details.of_record(record.split("\n"), NAMES, code=True)
    assert SECRET not in told
    if shown or SECRET not in message:
        assert told.endswith(f"ERROR:  {' '.join((shown or message).split())}")


@pytest.mark.parametrize(
    "context",
    [
        "PL/pgSQL function app.f(integer) line 3 at RAISE",
        'PL/pgSQL function app.f(integer) line 3 at RAISE\nSQL statement "SELECT app.f(1)"',
        "PL/pgSQL function app.f(integer) line 3 at ASSERT",
        "PL/pgSQL-Funktion app.f(integer) Zeile 3 bei RAISE",
        'PL/Perl function "f"',
        'PL/Python function "f"',
        "remote SQL command: SELECT a FROM public.t",
    ],
)
def test_what_code_raises_is_hidden_as_a_whole(context: str) -> None:
    said = f"ERROR:  {SECRET}\nHINT:  {SECRET}\nCONTEXT:  {context}"
    told = details.of_record(f'pg_restore: error: COPY failed for table "t": {said}'.split("\n"), code=True)
    assert SECRET not in told
    assert details.RAISED in told
    assert ("function app.f(integer) line 3" in told) == context.startswith("PL/pgSQL function")


@pytest.mark.parametrize(
    ("context", "place"),
    [
        (f'COPY t, line 3, column x: "{SECRET}"', "COPY t line 3 column x"),
        (f'COPY t, line 3: "{SECRET}"', "COPY t line 3"),
        (f'COPY t, line 3: "a, column {SECRET}: "b"', "COPY t line 3"),
        ("COPY t, line 3, column x: null input", "COPY t line 3 column x"),
        (f'JSON data, line 1: {SECRET}\nCOPY t, line 9, column "j"', 'COPY t line 9 column "j"'),
    ],
)
def test_a_row_is_named_by_table_line_and_column(context: str, place: str) -> None:
    record = [
        'pg_restore: error: COPY failed for table "t": ERROR:  bad',
        *f"CONTEXT:  {context}".split("\n"),
    ]
    assert details.of_record(record, code=True).endswith(f"ERROR:  bad ({place})")


def test_psql_names_state_and_object() -> None:
    record = f"""psql:/full.sql:7: ERROR:  23505: duplicate key value violates unique constraint "k"
DETAIL:  Key (id)=({SECRET}) already exists.
SCHEMA NAME:  app
TABLE NAME:  t
CONSTRAINT NAME:  k
LOCATION:  _bt_check_unique, nbtinsert.c:664"""
    told = details.of_record(record.split("\n"))
    assert told.endswith('unique constraint "k" (SQLSTATE 23505, table app.t, constraint k)')


@pytest.mark.parametrize(
    "line",
    [
        f"pg_restore: error: could not execute query: ERROR:  {SECRET}",
        f"pg_restore: NOTICE:  {SECRET}",
        f"psql:/full.sql:7: WARNING:  01000: {SECRET}",
        f"pg_dump: detail: Error message from server: ERROR:  {SECRET}",
        f"pg_dump: detail: Command was: COPY t ({SECRET})",
        f"DETAIL:  Key (id)=({SECRET}) already exists.",
        SECRET,
    ],
)
def test_a_line_is_shown_as_it_comes_without_what_the_server_says(line: str) -> None:
    assert SECRET not in details.of_line(line)
    assert details.of_line('pg_restore: creating TABLE "public.t"') == 'pg_restore: creating TABLE "public.t"'


@pytest.mark.parametrize(
    "literal",
    [
        f"'{SECRET}'",
        f"E'a\\'{SECRET}'",
        f"'it''s {SECRET}'",
        f"$x$ {SECRET} $x$",
        f"U&'{SECRET}'",
        f"'{SECRET}",
    ],
)
def test_literals_of_a_statement_are_masked_and_are_no_names(literal: str) -> None:
    statement = f'ALTER TABLE app."or""ders" ADD note text DEFAULT {literal}'
    error = shown_error(
        RestoreError("statement", "x", statement=statement), parse_url("postgresql://me@h/d", "URL")
    )
    assert SECRET not in error.statement
    assert error.statement.startswith('ALTER TABLE app."or""ders" ADD note text DEFAULT')
    assert {"app", 'or"ders', "note"} <= details.words_of(statement)
    assert "$x$" in literal or SECRET not in details.words_of(statement)


def test_details_are_private_bounded_and_never_written_elsewhere(tmp_path: Path) -> None:
    kept = Details(tmp_path / "reports" / "shop.details.log")
    path = kept.path or Path()
    assert kept.keep("shop", SECRET) == f"details: {path}"
    size = kept.size()
    kept.keep("shop", "second\x1b[31m")
    assert kept.since(size).endswith("second\\u001b[31m\n")
    path.chmod(0o644)
    for _ in range(40):
        kept.keep("shop", "x" * FILE_BYTES)
    assert stat.S_IMODE(path.with_name(f"{path.name}.before").stat().st_mode) == 0o600
    assert sum(each.stat().st_size for each in path.parent.iterdir()) < 2.5 * FILE_BYTES
    builds: list[Callable[[], None]] = [
        lambda: path.symlink_to(tmp_path / "other"),
        lambda: os.mkfifo(path),
        path.mkdir,
    ]
    for build in builds:
        path.unlink(missing_ok=True)
        build()
        assert "details could not be kept" in kept.keep("shop", SECRET)
    assert not (tmp_path / "other").exists()


def test_only_this_module_reads_what_a_server_says() -> None:
    """A text that does not pass through here is not masked."""
    home = Path(pgpromote.postgres.__file__).parent
    found = {
        path.name
        for path in home.glob("*.py")
        if re.search(r"message_(primary|detail|hint)|\.diag\.", path.read_text())
    }
    assert found == {"details.py"}
