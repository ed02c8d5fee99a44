"""Dagster's own database: looked at before services or a run need it, and told in one sentence."""

from pathlib import Path

import pytest
from psycopg.sql import Identifier

from pgpromote.promotion import STORAGE
from pgpromote_tests.func.command_line import CommandLine
from pgpromote_tests.func.shops import NAMES, new_name
from pgpromote_tests.servers import Server
from pgpromote_tests.services import free_port

CANARY = "hunter2"


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    """Return the command line in a directory of `pgpromote init`."""
    made = CommandLine(tmp_path, {})
    assert made.run("init").returncode == 0
    return made


def broken(dev: Server) -> dict[str, tuple[str, str]]:
    """Return URLs at which Dagster cannot keep anything, each with a part of the reason."""
    there = dev.new_url("DROP ROLE IF EXISTS st_reader; CREATE ROLE st_reader LOGIN PASSWORD 'hunter2'")
    server = there.partition("@")[2]
    return {
        "down": (f"postgresql://me:{CANARY}@127.0.0.1:1/gone", "cannot connect to gone on 127.0.0.1:1"),
        "password": (f"postgresql://nobody:{CANARY}@{server}", "nobody"),
        "missing": (f"{there}_gone", "does not exist"),
        "no right": (
            f"postgresql://st_reader:{CANARY}@{server}",
            "the role st_reader may not create tables in the schema public",
        ),
        "no schema": (
            f"{there}?options=-csearch_path%3Dnowhere",
            "its search_path names no schema",
        ),
        "no url": ("postgresql://h:port/dagster", ""),
    }


@pytest.mark.parametrize("how", ["down", "password", "missing", "no right", "no schema", "no url"])
def test_up_says_in_a_sentence_why_dagster_cannot_keep_its_runs_and_starts_nothing(
    cli: CommandLine, dev: Server, how: str
) -> None:
    url, reason = broken(dev)[how]
    ended = cli.having(**{STORAGE: url}).run("up", "--port", str(free_port()))
    assert ended.returncode == 1, ended.text
    assert ended.stderr.startswith(f"Error: {STORAGE}"), ended.text
    assert reason in ended.stderr
    assert "Hint: " in ended.stderr
    assert "Starting" not in ended.text
    assert "Traceback" not in ended.text
    assert CANARY not in ended.text


@pytest.mark.parametrize("how", ["down", "no right"])
def test_the_doctor_looks_at_it_where_it_is_set(cli: CommandLine, dev: Server, how: str) -> None:
    url, reason = broken(dev)[how]
    (line,) = told(cli, url)
    assert line["state"] == "fail"
    assert reason in line["seen"]
    assert line["to_do"]

    (line,) = told(cli, dev.new_url())
    assert line["state"] == "ok"
    assert told(cli, "") == []


def told(cli: CommandLine, url: str) -> list[dict[str, str]]:
    done = cli.having(**{STORAGE: url}).run("doctor", "--json")
    assert CANARY not in done.text
    return [line for line in done.json()["lines"] if line["name"] == "dagster"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("PGPROMOTE_CRON", "bogus"),
        ("PGPROMOTE_TIMEZONE", "Mars/X"),
        ("PGPROMOTE_LOSS_BOUND", "150"),
        ("PGPROMOTE_UI_URL", "localhost:3000"),
        ("PGPROMOTE_WEBHOOK_URL", f"htp://{CANARY}"),
        ("PGPROMOTE_AUDIT_IGNORE", "no_such_rule:x"),
        ("PROD_DATABASE_URL", f"mysql://me:{CANARY}@host/shop"),
        ("DAGSTER_HOME", "not/absolute"),
    ],
)
def test_up_and_the_doctor_name_a_setting_without_meaning_and_start_nothing(
    cli: CommandLine, setting: str, value: str
) -> None:
    wrong = cli.having(**{setting: value})
    for command in (("up", "--port", str(free_port())), ("doctor",)):
        ended = wrong.run(*command)
        assert ended.returncode == 1, ended.text
        assert setting in ended.text
        assert "Starting" not in ended.text
        assert "Traceback" not in ended.text
        assert CANARY not in ended.text


@pytest.mark.parametrize("which", ["DEV_DATABASE_URL", "PROD_DATABASE_URL"])
@pytest.mark.parametrize("spelled", ["{}", "{}?application_name=dagster", "localhost"])
def test_dagster_keeps_nothing_in_dev_or_prod(
    cli: CommandLine, dev: Server, prod: Server, which: str, spelled: str
) -> None:
    urls = {"DEV_DATABASE_URL": dev.new_url(), "PROD_DATABASE_URL": prod.new_url()}
    same = urls[which]
    same = same.replace("127.0.0.1", "localhost") if spelled == "localhost" else spelled.format(same)
    places = str(dev.cluster.bin_dir)
    wrong = cli.having(**urls, **{STORAGE: same}, PGPROMOTE_PG_BIN=places, DAGSTER_HOME=str(cli.directory))
    for command in (("up", "--port", str(free_port())), ("doctor",), ("refresh",)):
        ended = wrong.run(*command)
        assert ended.returncode == 1, ended.text
        assert f"which is {which[:4].lower().rstrip('_')}" in " ".join(ended.text.split())
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    for server, url in ((dev, urls["DEV_DATABASE_URL"]), (prod, urls["PROD_DATABASE_URL"])):
        assert server.rows(tables, url.rpartition("/")[2]) == [(0,)]


@pytest.mark.versions(15, 16, 18)
@pytest.mark.parametrize("kind", NAMES)
def test_whatever_a_database_is_called_and_whoever_asks_dagster_keeps_nothing_in_it(
    cli: CommandLine, prod: Server, kind: str
) -> None:
    name, role = new_name(prod, kind), f"st_plain_{next(prod.numbers)}"
    prod.new_url(f"CREATE ROLE {role} LOGIN; ALTER ROLE {role} SET search_path = nowhere", name)
    prod.execute(f"ALTER DATABASE {Identifier(name).as_string()} OWNER TO {role}")
    prod.execute(f"ALTER ROLE {role} SET search_path = public; ALTER ROLE {role} SET DateStyle = 'German'")
    prod.let_in(role)
    own = prod.new_url(name=f"{role}_dagster")
    prod.execute(f"ALTER DATABASE {role}_dagster OWNER TO {role}")
    there, apart = (prod.url(each, role) for each in (name, own.rpartition("/")[2]))

    wrong = cli.having(PROD_DATABASE_URL=there, **{STORAGE: there}).run("doctor", "--json")
    right = cli.having(PROD_DATABASE_URL=there, **{STORAGE: apart}).run("doctor", "--json")

    told = [{each["name"]: each for each in ended.json()["lines"]}["dagster"] for ended in (wrong, right)]
    assert [each["state"] for each in told] == ["fail", "ok"], told
    assert "which is prod" in told[0]["seen"]
