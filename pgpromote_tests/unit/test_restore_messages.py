"""What pg_restore and psql print is read as errors: each with its entry, kind, message and statement."""

import pytest

from pgpromote.postgres.errors import RestoreFailed, ToolFailed
from pgpromote.postgres.loading import restore
from pgpromote.postgres.loading import restore_messages as messages
from pgpromote.postgres.model import RestoreError
from pgpromote.postgres.server import parse_url
from pgpromote.postgres.tools import Completed
from pgpromote_tests.unit.archives import archive_of

STATEMENT = """\
pg_restore: connecting to database for restore
pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 3320; 1259 16390 TABLE orders alice
pg_restore: error: could not execute query: ERROR:  cannot drop table orders
DETAIL:  view recent depends on table orders
HINT:  Use DROP ... CASCADE to drop the dependent objects too.
Command was: DROP TABLE IF EXISTS public.orders;
pg_restore: warning: errors ignored on restore: 1
"""
DATA = """\
pg_restore: from TOC entry 3330; 0 16390 TABLE DATA orders alice
pg_restore: error: COPY failed for table "orders": ERROR:  duplicate key value
DETAIL:  Key (id)=(1) already exists.
CONTEXT:  COPY orders, line 1
"""
SEVERAL = """\
pg_restore: from TOC entry 7; 1255 1 FUNCTION f(integer) alice
pg_restore: error: could not execute query: ERROR:  language "plperl" does not exist
Command was: CREATE FUNCTION public.f(integer) RETURNS integer
    LANGUAGE plperl
    AS $$ return 1; $$;


pg_restore: error: could not execute query: ERROR:  function public.f(integer) does not exist
Command was: COMMENT ON FUNCTION public.f(integer) IS 'x';
pg_restore: creating VIEW "public.v"
pg_restore: from TOC entry 9; 1259 2 VIEW odd name alice
pg_restore: error: could not execute query: ERROR:  relation "x" does not exist
LINE 2:    FROM x;
                ^
Command was: CREATE VIEW public."odd name" AS
 SELECT 1
   FROM x;
pg_restore: warning: errors ignored on restore: 3
"""


TARGET = parse_url("postgresql://me:Canary-of-the-url@host/db", "PROD_DATABASE_URL")


def read(text: str) -> list[RestoreError]:
    """Read errors as people get to see them."""
    return [messages.shown_error(error, TARGET) for error in messages.parse([text.splitlines()])]


def test_a_failed_statement_has_its_entry_message_detail_and_statement() -> None:
    (error,) = read(STATEMENT)
    assert error.kind == "statement"
    assert error.entry == "3320 TABLE orders alice"
    assert error.message.startswith("ERROR:  cannot drop table orders")
    assert "Use DROP ... CASCADE" in error.message
    assert "view recent" not in error.message
    assert error.statement == "DROP TABLE IF EXISTS public.orders;"


def test_failed_rows_name_their_table() -> None:
    (error,) = read(DATA)
    assert (error.kind, error.entry) == ("data", "3330 TABLE DATA orders alice")
    assert error.message.endswith("duplicate key value (COPY orders line 1)")
    assert error.statement == ""


def test_several_errors_are_kept_apart() -> None:
    errors = read(SEVERAL)
    assert [error.entry.split()[0] for error in errors] == ["7", "7", "9"]
    assert errors[0].statement.endswith("LANGUAGE plperl AS '…';")
    assert errors[2].statement == 'CREATE VIEW public."odd name" AS SELECT 1 FROM x;'


def test_an_error_without_an_entry_is_kept() -> None:
    (error,) = read("pg_restore: error: could not open input file: No such file or directory")
    assert (error.kind, error.entry) == ("other", "")


@pytest.mark.parametrize(
    "line",
    [
        'pg_restore: error: connection to server at "h" failed: Connection refused',
        "pg_restore: error: could not execute query: server closed the connection unexpectedly",
    ],
)
def test_a_lost_connection_is_an_error(line: str) -> None:
    (error,) = read(line)
    assert "connection" in error.message


def test_a_dead_worker_is_an_error() -> None:
    (error,) = read("pg_restore: error: a worker process died unexpectedly")
    assert error.message == "a worker process died unexpectedly"


def test_talk_without_errors_gives_none() -> None:
    talk = 'pg_restore: creating TABLE "public.error: x"\npg_restore: processing data for table "t"\n'
    assert read(talk + "pg_restore: warning: something\nERROR in a row of data\n") == []


def test_nothing_printed_gives_no_error() -> None:
    assert messages.parse([]) == []


def test_a_long_statement_is_shown_in_part() -> None:
    (error,) = read(
        f"pg_restore: error: could not execute query: ERROR:  x\nCommand was: SELECT '{'y' * 9000}';"
    )
    assert len(error.statement) < 1000


def judged(text: str, returncode: int, *workers: str) -> None:
    streams = tuple(tuple(stream.splitlines()) for stream in (text, *workers))
    completed = Completed(returncode, streams)
    errors = messages.counted(completed, messages.parse(completed.streams))
    restore._judge(
        [completed],
        errors,
        parse_url("postgresql://host/shop", "PROD_DATABASE_URL"),
        "What to do.",
        archive_of(),
    )


def test_a_clean_end_without_errors_passes() -> None:
    judged("pg_restore: creating TABLE", 0)


@pytest.mark.parametrize(
    ("returncode", "shown"),
    [(1, "exit code 1"), (2, "exit code 2")],
)
def test_a_bad_end_without_a_readable_error_still_fails(returncode: int, shown: str) -> None:
    with pytest.raises(ToolFailed, match=f"ended with {shown}"):
        judged("pg_restore: creating TABLE", returncode)


@pytest.mark.parametrize(("returncode", "shown"), [(-9, "SIGKILL"), (-11, "SIGSEGV"), (-15, "SIGTERM")])
@pytest.mark.parametrize("said", ['pg_restore: creating TABLE "public.orders"', STATEMENT])
def test_a_signal_is_told_as_the_cause_and_no_object_is_blamed(
    said: str, returncode: int, shown: str
) -> None:
    with pytest.raises(ToolFailed, match=f"pg_restore was ended by {shown} while") as failure:
        judged(said, returncode)
    assert "memory" in str(failure.value)
    assert "orders" not in str(failure.value)


@pytest.mark.parametrize(
    "said",
    [
        "could not execute query: server closed the connection unexpectedly",
        "could not execute query: FATAL:  terminating connection due to administrator command",
        "error returned by PQputCopyData: server closed the connection unexpectedly",
        'COPY failed for table "orders": FATAL:  the database system is shutting down',
        'connection to server at "h" failed: Connection refused',
    ],
)
def test_a_server_that_went_away_is_told_as_the_cause_and_the_object_was_last_seen(said: str) -> None:
    with pytest.raises(RestoreFailed) as failure:
        judged(f"pg_restore: from TOC entry 7; 0 16390 TABLE DATA orders alice\npg_restore: error: {said}", 1)
    (error,) = failure.value.errors
    assert (error.kind, error.entry, error.statement) == ("connection", "", "")
    assert error.message.endswith("(last seen: 7 TABLE DATA orders alice)")
    assert "Its log says which" in failure.value.hint
    assert "What to do" not in failure.value.hint


def test_an_error_that_a_function_of_dev_words_like_the_servers_end_is_that_statements() -> None:
    (error,) = read(
        STATEMENT.replace("cannot drop table orders", "server closed the connection unexpectedly")
    )
    assert (error.kind, error.entry) == ("statement", "3320 TABLE orders alice")


def test_a_worker_that_died_alone_was_killed() -> None:
    with pytest.raises(RestoreFailed) as failure:
        judged("pg_restore: error: a worker process died unexpectedly", 1)
    assert "memory" in failure.value.hint


@pytest.mark.parametrize("text", [STATEMENT, DATA, SEVERAL])
def test_an_error_fails_the_restore_even_when_the_program_ends_well(text: str) -> None:
    with pytest.raises(RestoreFailed):
        judged(text, 0)


def test_errors_that_agree_with_the_programs_count_are_shown_as_they_are() -> None:
    with pytest.raises(RestoreFailed) as failure:
        judged(SEVERAL, 1)
    assert len(failure.value.errors) == 3


def test_a_count_that_disagrees_is_itself_an_error() -> None:
    with pytest.raises(RestoreFailed) as failure:
        judged(STATEMENT.replace("restore: 1", "restore: 5"), 1)
    assert "counted 5 errors; 1 could be read" in str(failure.value)


def test_an_error_of_a_worker_is_counted_as_pg_restore_counts_it() -> None:
    with pytest.raises(RestoreFailed) as failure:
        judged("pg_restore: warning: errors ignored on restore: 2", 1, DATA)
    assert [error.kind for error in failure.value.errors] == ["data"]


def test_a_worker_that_names_no_entry_means_the_last_one_of_its_leader() -> None:
    leader = SEVERAL.replace("restore: 3", "restore: 5") + "pg_restore: entering main parallel loop"
    unnamed = "pg_restore: error: could not execute query: ERROR:  exists\nCommand was: CREATE VIEW v;"
    with pytest.raises(RestoreFailed) as failure:
        judged(leader, 1, unnamed)
    assert failure.value.errors[-1].entry == "9 VIEW odd name alice"


def test_many_errors_are_all_kept_and_the_first_ten_shown() -> None:
    line = "pg_restore: error: could not execute query: ERROR:  no {}\nCommand was: SELECT;"
    with pytest.raises(RestoreFailed) as failure:
        judged("\n".join(line.format(n) for n in range(25)), 1)
    assert len(failure.value.errors) == 25
    assert "… and 15 more" in str(failure.value)


@pytest.mark.parametrize(
    ("line", "message", "where"),
    [
        ("psql:/d/full.sql:12: ERROR:  42P01: no relation", "42P01: no relation", "line 12"),
        ("psql:a: b.sql:3: ERROR:  22012: division by zero", "22012: division by zero", "line 3"),
        ("psql:/d/full.sql:9: FATAL:  57P01: terminating", "57P01: terminating", "line 9"),
    ],
)
def test_errors_of_psql_have_their_line_and_sqlstate(line: str, message: str, where: str) -> None:
    (error,) = messages.parse_psql([line, "LOCATION:  parserOpenTable, parse_relation.c:1449"])
    assert (error.message, error.entry, error.kind) == (message, where, "statement")


@pytest.mark.parametrize("line", ["psql:/d/full.sql:1: NOTICE:  00000: skipping", "ERROR in a row", ""])
def test_other_lines_of_psql_are_no_errors(line: str) -> None:
    assert messages.parse_psql([line]) == []


@pytest.mark.parametrize("length", range(300, 420, 7))
def test_no_password_survives_the_cutting_of_a_long_statement(length: int) -> None:
    start = "CREATE USER MAPPING FOR app SERVER s OPTIONS ("
    statement = (
        start + "x" * (length - len(start)) + " '1', password 'Canary in a mapping', y 'Canary-of-the-url');"
    )
    (error,) = read(f"pg_restore: error: could not execute query: ERROR:  no\nCommand was: {statement}")
    assert "Canar" not in f"{error}{RestoreFailed([error])}"


@pytest.mark.parametrize(
    "message",
    [
        "ERROR:  function g(text) does not exist",
        "ERROR:  function odd name(public.mood, text) does not exist",
        'ERROR:  relation "rates" does not exist LINE 1: select 1 from rates',
        'ERROR:  type "mood" does not exist',
        "ERROR:  operator does not exist: public.citext === public.citext",
        'ERROR:  text search configuration "german" does not exist',
        'ERROR:  collation "german" for encoding "UTF8" does not exist',
        "42883: procedure log(text) does not exist",
    ],
)
def test_a_name_that_is_not_found_without_its_schema_is_told_with_its_usual_cause(message: str) -> None:
    told = messages.advice([RestoreError("statement", message)], "Start again.")
    assert "the search path is empty" in told
    assert "SET search_path = …" in told
    assert told.endswith(" Start again.")


def test_the_function_that_uses_an_unqualified_name_is_named() -> None:
    message = (
        "ERROR:  function g(text) does not exist HINT:  No function matches the given name and argument "
        "types. QUERY:  SELECT g(x) CONTEXT:  PL/pgSQL function public.f(text) line 3 at RETURN"
    )
    told = messages.advice([RestoreError("statement", message)], "")
    assert "ALTER FUNCTION public.f(text) SET search_path = …" in told


@pytest.mark.parametrize(
    "message",
    [
        "ERROR:  function public.f(integer) does not exist",
        'ERROR:  relation "public.rates" does not exist',
        'ERROR:  role "app" does not exist',
        'ERROR:  language "plperl" does not exist',
    ],
)
def test_what_is_missing_by_its_whole_name_has_another_cause(message: str) -> None:
    assert messages.advice([RestoreError("statement", message)], "Start again.") == "Start again."


@pytest.mark.parametrize("tree", ["sale", "Verkäufe, je Filiale", 'a "b" c'])
def test_a_row_without_a_partition_is_told_with_its_usual_cause(tree: str) -> None:
    message = f'COPY failed for table "{tree}_0": ERROR:  no partition of relation "{tree}" found for row'
    told = messages.advice([RestoreError("rows", message)], "Start again.")
    assert told.startswith(f"If {tree} is partitioned by the hash of an enum")
    assert told.endswith("Start again.")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("statement", 'ERROR:  could not extend file "base/5/16391": No space left on device'),
        (
            "data",
            'COPY failed for table "t": ERROR:  could not write to file "base/1": No space left on device',
        ),
        ("statement", '53100: could not extend file "pg_tblspc/9/1": No space left on device'),
        ("connection", 'PANIC:  could not write to file "pg_wal/xlogtemp.7": No space left on device'),
    ],
)
def test_a_full_disk_of_prod_has_a_hint_of_its_own(kind: str, message: str) -> None:
    hint = messages.advice([RestoreError(kind, message)], "The first error usually explains the others.")
    assert "A disk of prod's server is full" in hint
    assert "first error" not in hint


def test_a_full_disk_of_this_machine_is_not_prods() -> None:
    local = RestoreError("other", "could not write to output file: No space left on device")
    assert messages.advice([local], "Start again.") == "Start again."
