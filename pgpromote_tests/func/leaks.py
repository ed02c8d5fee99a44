"""Rows whose values a server repeats when something fails, and a search for them in every output."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pgpromote_tests.func.command_line import CommandLine, Ended, command_line
from pgpromote_tests.func.test_alerts import Receiver
from pgpromote_tests.servers import Server

# What no output may show. The number is one for the errors that show only numbers.
SECRET, NUMBER = "SecretRow", 4711471
PLANTED = re.compile(rb"(?i)SecretRow|4711471")
VALUE = f"{SECRET}-x"


@dataclass(frozen=True)
class Leak:
    """A table whose rows were fine when dev accepted them, and which no server accepts again.

    `definition` uses `app.NAME(text)`, which returns its argument on dev and gets another `body` afterwards.
    `told` is the text that the error must still hold.
    """

    name: str
    definition: str
    body: str
    told: str
    row: str = VALUE

    def script(self) -> str:
        """Return a script that creates the table, fills it, and changes the result of its function."""
        function = f"FUNCTION app.{self.name}(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
        return f"""
            CREATE {function} $f$ BEGIN RETURN v; END $f$;
            {self.definition}
            CREATE OR REPLACE {function} $f$ BEGIN {self.body} END $f$;
        """


def _table(name: str, column: str, rows: Sequence[str] = (VALUE,)) -> str:
    values = ", ".join(f"('{row}')" for row in rows)
    return f"CREATE TABLE app.{name}_t ({column}); INSERT INTO app.{name}_t (v) VALUES {values};"


def _check(name: str, row: str = VALUE) -> str:
    return _table(name, f"v text, CONSTRAINT {name}_c CHECK (app.{name}(v) IS NOT NULL)", (row,))


SAME = "RETURN left(v, 9);"
LEAKS = (
    Leak("refused", _check("refused"), "RETURN NULL;", "refused_c"),
    Leak("raising", _check("raising"), "RAISE 'row % is bad', v;", "app.raising"),
    Leak("coded", _check("coded"), "RAISE unique_violation USING MESSAGE = v, HINT = v;", "app.coded"),
    Leak("asserted", _check("asserted"), "ASSERT false, v; RETURN v;", "app.asserted"),
    Leak("input", _check("input"), "RETURN v::integer;", "type integer"),
    Leak("quoted", _check("quoted", f'a" {SECRET} "b'), "RETURN v::date;", "type date", f'a" {SECRET} "b'),
    Leak("ranged", _check("ranged", str(NUMBER)), "RETURN v::smallint;", "type smallint", str(NUMBER)),
    Leak("divided", _check("divided", str(NUMBER)), "RETURN v::int / 0;", "division by zero", str(NUMBER)),
    Leak("looked_up", _check("looked_up"), "RETURN v::regclass;", "looked_up_t"),
    Leak("read", _check("read"), "RETURN v::json;", "read_t"),
    Leak("executed", _check("executed"), "EXECUTE v; RETURN v;", "executed_t"),
    Leak(
        "made",
        _table("made", "v text, g text GENERATED ALWAYS AS (app.made(v)) STORED"),
        "RETURN (v || '!')::numeric;",
        "made_t",
    ),
    Leak(
        "domained",
        "CREATE DOMAIN app.domained_d AS text CONSTRAINT domained_c CHECK (app.domained(VALUE) IS NOT NULL);"
        + _table("domained", "v app.domained_d"),
        "RETURN NULL;",
        "domained_c",
    ),
    Leak(
        "unique_",
        _table("unique_", "v text", (f"{SECRET}1", f"{SECRET}2"))
        + "CREATE UNIQUE INDEX unique_i ON app.unique__t (app.unique_(v));",
        SAME,
        "unique_i",
    ),
    Leak(
        "exclusive",
        _table(
            "exclusive",
            "v text, CONSTRAINT exclusive_c EXCLUDE USING hash (app.exclusive(v) WITH =)",
            (f"{SECRET}1", f"{SECRET}2"),
        ),
        SAME,
        "exclusive_c",
    ),
    Leak(
        "orphaned",
        "CREATE TABLE app.orphaned_p (v text PRIMARY KEY);"
        + _table("orphaned", "v text CONSTRAINT orphaned_c REFERENCES app.orphaned_p").replace(
            "INSERT", "SET session_replication_role = replica; INSERT"
        )
        + "RESET session_replication_role;",
        "RETURN v;",
        "orphaned_c",
    ),
    Leak(
        "viewed",
        _table("viewed", "v text")
        + "CREATE MATERIALIZED VIEW app.viewed_m AS SELECT app.viewed(v) AS v FROM app.viewed_t;",
        "RAISE '%', v USING DETAIL = v;",
        "viewed_m",
    ),
    Leak(
        "noticed",
        _check("noticed"),
        "RAISE NOTICE '%', v; RAISE WARNING E'two\\nlines of %', v; RETURN NULL;",
        "noticed_c",
    ),
)
# Whoever creates a table or changes one is told what he said: a default, a name, a row.
TALKATIVE = f"""
    CREATE FUNCTION talk() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE 'refused to {SECRET}: %', current_query(); END $$;
    CREATE EVENT TRIGGER talk ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION talk();
"""


@dataclass(frozen=True)
class Shop:
    """A command line whose files all lie in one directory, and the receiver of its alerts."""

    commands: CommandLine
    receiver: Receiver
    prod: Server

    @property
    def directory(self) -> Path:
        return self.commands.directory

    @property
    def kept(self) -> Path:
        """The file that may hold rows."""
        return self.directory / "reports" / "shop.details.log"

    def leaks(self, *said: Ended) -> Iterator[str]:
        """Yield each place that shows a planted value: output, alerts, and all files but archives."""
        for ended in said:
            if PLANTED.search(ended.text.encode(errors="surrogateescape")):
                yield ended.text
        if PLANTED.search(repr(self.receiver.received).encode()):
            yield f"an alert: {self.receiver.received}"
        for path in self.directory.rglob("*"):
            private = path.suffix == ".dump" or path == self.kept
            if path.is_file() and not private and (found := PLANTED.search(path.read_bytes())):
                yield f"{path}: {found[0]!r}"


def shop_of(directory: Path, dev: Server, prod: Server, script: str, receiver: Receiver) -> Shop:
    """Make a dev and a prod, and dump dev."""
    commands = command_line(directory, dev, dev.new_url(script), prod, prod.new_url()).having(
        PGPROMOTE_REPORT_DIR=str(directory / "reports"),
        PGPROMOTE_WEBHOOK_URL=receiver.url,
        DAGSTER_HOME=str(directory),
        DAGSTER_DISABLE_TELEMETRY="1",
    )
    (directory / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    ended = commands.run("dump", "--verbose")
    assert ended.returncode == 0, ended.text
    assert not PLANTED.search(ended.text.encode())
    return Shop(commands, receiver, prod)
