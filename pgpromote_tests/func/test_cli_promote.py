"""The command line brings an archive into prod: plan, rehearsal, restore, and what a person is asked."""

import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pgpromote.postgres.archives.archive import manifest_path
from pgpromote.postgres.databases.lock import promotion_lock
from pgpromote.postgres.errors import SILENT, UNTOUCHED
from pgpromote.postgres.place import AGREED, Place
from pgpromote.postgres.server import parse_url
from pgpromote_tests.func.command_line import BARE, CommandLine, Ended, having_dumped
from pgpromote_tests.servers import Server

SHOP = "CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL); INSERT INTO users VALUES (7, 'x')"
OLD = "CREATE TABLE relics (id integer PRIMARY KEY); INSERT INTO relics VALUES (1), (2)"


@pytest.fixture(scope="module")
def cli(dev: Server, prod: Server, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Dump a shop once, for all that only look at the archive."""
    return having_dumped(tmp_path_factory.mktemp("cli"), dev, SHOP, prod)


def test_a_plan_shows_the_loss_and_a_fingerprint_that_holds_prod_to_it(
    cli: CommandLine, prod: Server
) -> None:
    url = prod.new_url(OLD)
    commands = cli.having(PROD_DATABASE_URL=url)
    shown, told = commands.run("plan"), commands.run("plan", "--json").json()
    assert shown.returncode == 0
    assert "TABLE public.relics is only in prod; it would be lost with its 2 row(s)" in shown.stdout
    assert f"--expect-plan {told['fingerprint']}" in shown.stdout
    assert re.search(r"\n  archive +/.*_dev\.dump\n", shown.stdout)
    assert re.search(r"\n  prod holds +[0-9.]+ MB\n  a swap needs +[0-9.]+ [MG]B beside it", shown.stdout)
    prod.execute("INSERT INTO relics VALUES (3)", url.rpartition("/")[2])

    refused = commands.run("restore", "--accept-loss=relics", "--expect-plan", told["fingerprint"])
    now = commands.run("plan", "--json").json()["fingerprint"]
    expected = commands.run("restore", "--accept-loss=relics", "--expect-plan", now)

    assert (refused.returncode, expected.returncode) == (3, 0), expected.stderr
    assert "Run pgpromote plan again" in refused.stderr
    assert "Swapped" in expected.stdout
    assert ": TABLE public.relics with its 3 row(s) was only in prod." in expected.stdout


def told_by(plan: Ended) -> list[str]:
    """Return the arguments of the command that a plan tells, without the program's name."""
    assert plan.returncode == 0, plan.stderr
    (line,) = (line for line in plan.stdout.splitlines() if line.startswith("  go on with"))
    program, *arguments = shlex.split(line.removeprefix("  go on with"))
    assert program == "pgpromote"
    return arguments


def test_the_command_that_a_plan_tells_does_what_was_planned_and_no_more(
    cli: CommandLine, prod: Server
) -> None:
    url = prod.new_url(
        OLD + "; CREATE TABLE users (id integer PRIMARY KEY, old text); CREATE PUBLICATION p FOR TABLE users"
    )
    name = url.rpartition("/")[2]
    commands = cli.having(PROD_DATABASE_URL=url)
    shown = commands.run("plan", "--strategy", "clean", "-t", "users", "--no-safety-archive")
    assert "public.users has columns only in prod, which would be lost: old." in shown.stdout
    assert "The publication p of prod would no longer publish public.users." in shown.stdout
    assert "relics" not in shown.stdout
    assert "nothing keeps what prod was" in shown.stdout

    done = commands.run(*told_by(shown))

    assert done.returncode == 0, done.stderr
    assert prod.rows("SELECT count(*) FROM relics", name) == [(2,)]
    assert prod.rows("SELECT id, name FROM users", name) == [(7, "x")]
    assert "safety" not in done.stdout
    again = commands.run(*told_by(shown))
    assert again.returncode == 3
    assert "Run pgpromote plan again" in again.stderr


def test_a_plan_that_is_refused_shows_what_would_be_lost_all_the_same(cli: CommandLine, prod: Server) -> None:
    url = prod.new_url(
        "CREATE TABLE users (id integer PRIMARY KEY, name text); CREATE PUBLICATION p FOR TABLE users;"
        "CREATE VIEW names AS SELECT name FROM users"
    )
    shown = cli.having(PROD_DATABASE_URL=url).run("plan", "--strategy", "clean")
    assert shown.returncode == 3
    assert "The publication p of prod would no longer publish public.users." in shown.stderr
    assert shown.stderr.count("it would be lost.") == 1
    same = prod.new_url(OLD)
    shown = cli.having(PROD_DATABASE_URL=same, DEV_DATABASE_URL=same).run("plan")
    assert shown.returncode == 3
    assert "TABLE public.relics is only in prod; it would be lost with its 2 row(s)" in shown.stderr
    assert "lead to the same database" in shown.stderr


@pytest.mark.parametrize(
    "given",
    [
        ["odd $name.dump"],
        ["--rights=none", "--bring=user-mappings", "--bring=foreign-servers", "--allow=one slot"],
        ["--strategy=clean", "--data-only", "--schema=public", "--exclude-table=users"],
        ["--reset-schema=public", "--allow-data-loss-outside", "--schema-only"],
    ],
)
def test_a_plan_tells_every_option_that_it_was_given(
    cli: CommandLine, prod: Server, given: list[str]
) -> None:
    whole = cli.directory / "dumps" / "shop" / "shop_dev.dump"
    odd = cli.directory / "odd $name.dump"
    shutil.copy(whole, odd)
    shutil.copy(manifest_path(whole), manifest_path(odd))
    told = told_by(cli.having(PROD_DATABASE_URL=prod.new_url()).run("plan", "--expect-plan=old", *given))
    assert told[0] == "restore"
    assert sorted(told[1:-2]) == sorted(given)
    assert told[-2] == "--expect-plan"
    assert told[-1] != "old"


def test_a_plan_says_what_the_room_for_a_swap_is_made_of(cli: CommandLine, prod: Server) -> None:
    commands = cli.having(PROD_DATABASE_URL=prod.new_url())
    swap, clean = commands.run("plan").stdout, commands.run("plan", "--strategy", "clean").stdout
    assert "1.3 times the size of dev, and 1.0 GB for the write-ahead log" in swap
    assert "by swap, prod would lose nothing; the previous database keeps what prod was" in swap
    assert "a swap needs" not in clean
    assert "what is not replaced stays as it is; a safety archive keeps what prod was" in clean


def test_a_rehearsal_says_how_it_would_go_and_changes_nothing(cli: CommandLine, prod: Server) -> None:
    url = prod.new_url(OLD)
    done = cli.having(PROD_DATABASE_URL=url).run("rehearse", "--accept-loss=relics")
    assert done.returncode == 0, done.stderr
    assert "Rehearsed all but the cut-over: it is proven; prod is untouched." in done.stdout
    assert prod.rows("SELECT count(*) FROM relics", url.rpartition("/")[2]) == [(2,)]


def test_a_database_that_is_marked_as_prod_is_never_dumped(
    cli: CommandLine, prod: Server, tmp_path: Path
) -> None:
    commands = cli.having(PROD_DATABASE_URL=prod.new_url(OLD))
    turned = commands.having(DEV_DATABASE_URL=commands.environment["PROD_DATABASE_URL"])
    assert turned.run("dump", tmp_path).returncode == 0
    assert commands.run("mark-prod").returncode == 0

    refused = turned.run("dump", tmp_path)
    assert refused.returncode == 3
    assert "marked as prod" in refused.stderr

    assert commands.run("mark-prod", "--remove").returncode == 0
    assert turned.run("dump", tmp_path).returncode == 0


@pytest.mark.parametrize(("typed", "code"), [("{name}", 0), ("yes", 1), ("", 1)])
def test_at_a_terminal_a_destructive_strategy_wants_prod_s_name(
    cli: CommandLine, prod: Server, typed: str, code: int
) -> None:
    url = prod.new_url("CREATE TABLE users (id integer PRIMARY KEY, old text)")
    name = url.rpartition("/")[2]
    commands = cli.having(PROD_DATABASE_URL=url)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pgpromote", "restore", "--strategy", "clean"]
    process = subprocess.Popen(
        command, env={**BARE, **commands.environment}, cwd=cli.directory, stdin=theirs,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, f"{typed.format(name=name)}\n".encode())
    _, told = process.communicate()
    os.close(ours)
    assert process.returncode == code, told
    assert "public.users has columns only in prod, which would be lost: old.\n" in told
    assert f"Type {name} to go on" in told
    assert told.endswith("Prod is untouched.\nAborted!\n") == (code == 1)
    assert prod.rows("SELECT count(*) FROM users", name) == [(1 if code == 0 else 0,)]


@pytest.mark.parametrize("command", [("restore",), ("restore", "--verbose"), ("rehearse",), ("promote",)])
def test_nothing_is_said_to_be_restored_before_the_checks_are_through(
    cli: CommandLine, prod: Server, command: tuple[str, ...]
) -> None:
    commands = cli.having(PROD_DATABASE_URL=prod.new_url())
    done = commands.run(*command).stderr.splitlines()
    titles = [line.split()[0] for line in done if line.split()[0] in {"Checking", "Restoring", "Rehearsing"}]
    assert titles == ["Checking", "Rehearsing" if command == ("rehearse",) else "Restoring"]

    refused = commands.run(*command, "--allow", "nosuch", "--bring", "publications", "--expect-plan=0")
    if command != ("promote",):
        assert refused.returncode == 3
        assert "Checking " in refused.stderr
        assert not [line for line in refused.stderr.splitlines() if line.startswith(("Restoring", "Rehears"))]


def promoting(cli: CommandLine, place: Path, **variables: str) -> CommandLine:
    """Return a command line with directories of its own: what `promote` dumps is nobody else's."""
    own = {"PGPROMOTE_DUMP_DIR": str(place / "dumps"), "PGPROMOTE_REPORT_DIR": str(place / "reports")}
    return cli.having(**own, **variables)


def twin_of(place: Path) -> dict[str, Any]:
    (path,) = (place / "reports").glob("*.json")
    told: dict[str, Any] = json.loads(path.read_text())
    return told


def test_promote_is_the_whole_way_in_one_command(cli: CommandLine, prod: Server, tmp_path: Path) -> None:
    url = prod.new_url()
    done = promoting(cli, tmp_path, PROD_DATABASE_URL=url).run("promote")

    assert done.returncode == 0, done.stderr
    name = url.rpartition("/")[2]
    assert prod.rows("SELECT id, name FROM users", name) == [(7, "x")]
    assert done.stdout.splitlines()[-1].startswith(f"Swapped {name} on ")
    assert manifest_path(tmp_path / "dumps" / "shop" / "shop_dev.dump").exists()
    told = twin_of(tmp_path)
    assert told["verdict"] == "promoted"
    assert [step["name"] for step in told["steps"]][:3] == ["dump", "check", "prepare"]
    assert "not_null_without_default" in [rule["rule"] for rule in told["rules"]]


def test_promote_loads_neither_dagster_nor_the_builder_of_its_schemas(
    cli: CommandLine, prod: Server, tmp_path: Path
) -> None:
    commands = promoting(cli, tmp_path, PROD_DATABASE_URL=prod.new_url())
    code = """if True:
        import sys
        from pgpromote.cli import pgpromote
        pgpromote(["promote"], standalone_mode=False)
        sys.exit(sorted(name for name in sys.modules if name in {"dagster", "pydantic"}) or 0)
    """
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=cli.directory, capture_output=True, text=True,
        env={**BARE, **commands.environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_promote_whose_dump_fails_touches_nothing_and_says_so(
    cli: CommandLine, dev: Server, prod: Server, tmp_path: Path
) -> None:
    url = prod.new_url(OLD)
    gone = dev.url("gone")
    before = prod.databases()
    failed = promoting(cli, tmp_path, PROD_DATABASE_URL=url, DEV_DATABASE_URL=gone).run("promote")

    assert failed.returncode == 1
    assert "gone" in failed.stderr
    assert "Prod is untouched." in failed.stderr
    assert prod.databases() == before
    assert prod.rows("SELECT count(*) FROM relics", url.rpartition("/")[2]) == [(2,)]
    assert not list((tmp_path / "dumps").rglob("*.dump*"))
    told = twin_of(tmp_path)
    assert (told["verdict"], told["prod"]) == ("failed", "Prod is untouched.")


def test_promote_from_a_source_that_is_marked_as_prod_is_refused(
    cli: CommandLine, prod: Server, tmp_path: Path
) -> None:
    commands = promoting(cli, tmp_path, DEV_DATABASE_URL=prod.new_url(OLD), PROD_DATABASE_URL=prod.new_url())
    marking = commands.having(PROD_DATABASE_URL=commands.environment["DEV_DATABASE_URL"])
    assert marking.run("mark-prod").returncode == 0
    refused = commands.run("promote")
    assert refused.returncode == 3
    assert "marked as prod" in refused.stderr


def test_promote_is_refused_by_a_check_as_a_restore_is(
    cli: CommandLine, prod: Server, tmp_path: Path
) -> None:
    commands = promoting(cli, tmp_path, PROD_DATABASE_URL=prod.new_url(OLD))
    promoted, restored = commands.run("promote"), commands.run("restore")

    assert (promoted.returncode, restored.returncode) == (3, 3)
    assert "[plausible]" in promoted.stderr
    assert promoted.stderr.partition("Error: ")[2] == restored.stderr.partition("Error: ")[2]


def unreachable(_commands: CommandLine, _prod: Server) -> dict[str, str]:
    return {"PROD_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}


def dev_itself(commands: CommandLine, _prod: Server) -> dict[str, str]:
    return {"PROD_DATABASE_URL": commands.environment["DEV_DATABASE_URL"]}


def on_hold(commands: CommandLine, _prod: Server) -> dict[str, str]:
    assert commands.run("rollback", "--yes").returncode == 0
    return {}


def exchanged(commands: CommandLine, _prod: Server) -> dict[str, str]:
    """Dev is where prod was, and the other way round."""
    urls = commands.environment
    return {"DEV_DATABASE_URL": urls["PROD_DATABASE_URL"], "PROD_DATABASE_URL": urls["DEV_DATABASE_URL"]}


def without_rights(commands: CommandLine, prod: Server) -> dict[str, str]:
    """Make a login that may not create a database beside prod."""
    name = commands.environment["PROD_DATABASE_URL"].rpartition("/")[2]
    role = f"plain_{name}"
    prod.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{prod.cluster.password}'")
    return {"PROD_DATABASE_URL": prod.url(name, role)}


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        ("target_reachable", unreachable),
        ("not_same_database", dev_itself),
        ("not_on_hold", on_hold),
        ("right_direction", exchanged),
        ("swap_possible", without_rights),
    ],
)
def test_promote_is_refused_before_it_dumps_where_no_archive_could_help(
    cli: CommandLine,
    prod: Server,
    tmp_path: Path,
    rule: str,
    state: Callable[[CommandLine, Server], dict[str, str]],
) -> None:
    commands = promoting(cli, tmp_path, PROD_DATABASE_URL=prod.new_url())
    done = commands.run("promote")
    assert done.returncode == 0, done.stderr
    before = [(path, path.stat().st_mtime_ns) for path in (tmp_path / "dumps").rglob("*")]

    refused = commands.having(**state(commands, prod)).run("promote")

    assert refused.returncode == 3, refused.stderr
    assert f"[{rule}]" in refused.stderr
    assert str(SILENT if rule == "target_reachable" else UNTOUCHED) in refused.stderr
    assert "archive_readable" not in refused.stderr
    assert [(path, path.stat().st_mtime_ns) for path in (tmp_path / "dumps").rglob("*")] == before


def test_promote_takes_the_options_of_a_dump_and_of_a_restore(
    cli: CommandLine, prod: Server, tmp_path: Path
) -> None:
    commands = promoting(cli, tmp_path, PROD_DATABASE_URL=prod.new_url(OLD))
    options = ("--compression=none", "--accept-loss=relics", "--proof=count", "--jobs=1", "--no-repair")
    told = commands.run("promote", *options, "--json").json()

    assert told["dumped"]["compression"] == "none"
    assert told["dumped"]["sha256"] == told["sha256"]
    assert told["jobs"] == 1
    assert told["proof"]["mode"] == "count"
    assert told["swapped"]["previous"]
    assert Path(told["report"]).is_file()
    assert told["problems"] == []


def test_promote_in_place_changes_prod_itself(cli: CommandLine, prod: Server, tmp_path: Path) -> None:
    url = prod.new_url(OLD)
    done = promoting(cli, tmp_path, PROD_DATABASE_URL=url).run("promote", "--strategy=clean", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("Restored into ")
    assert prod.rows("SELECT count(*) FROM relics", url.rpartition("/")[2]) == [(2,)]


def test_a_second_promote_into_the_same_prod_does_not_even_dump(
    cli: CommandLine, prod: Server, tmp_path: Path
) -> None:
    url = prod.new_url()
    commands = promoting(cli, tmp_path, PROD_DATABASE_URL=url)
    with promotion_lock(Place(parse_url(url, "PROD_DATABASE_URL"), "other", AGREED)):
        busy = commands.run("promote")
    assert busy.returncode == 3
    assert not (tmp_path / "dumps").exists()
