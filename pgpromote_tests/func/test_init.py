"""`pgpromote init`: a directory from which promotions run without a checkout, and their nightly start."""

import configparser
import os
import re
import shlex
import stat
import string
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # only tests read YAML

from pgpromote.cli import env_file, init
from pgpromote.promotion import STORAGE
from pgpromote.settings import SETTINGS
from pgpromote_tests.func.command_line import BARE, CommandLine
from pgpromote_tests.runs import SHOP
from pgpromote_tests.servers import Server
from pgpromote_tests.services import CHECKOUT

pytestmark = pytest.mark.long

DEV = "postgresql://dumper:can$ary@dev.invalid:5432/shop"
PROD = "postgresql://promoter:canary@prod.invalid:5433/shop"


def test_it_writes_three_files_for_this_user_alone_and_says_what_is_next(tmp_path: Path) -> None:
    done = CommandLine(tmp_path, {}).run("init", "shop")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "shop").iterdir()} == set(init.FILES)
    assert stat.S_IMODE((tmp_path / "shop" / env_file.NAME).stat().st_mode) == 0o600
    assert "Set DEV_DATABASE_URL and PROD_DATABASE_URL in pgpromote.env" in done.stdout
    assert env_file.read(tmp_path / "shop" / env_file.NAME) == {}


def test_urls_are_taken_from_the_environment_and_no_password_is_printed(tmp_path: Path) -> None:
    line = CommandLine(tmp_path, {"DEV_DATABASE_URL": DEV, "PROD_DATABASE_URL": PROD})
    done = line.run("init")
    assert (done.returncode, "ary" in done.text) == (0, False), done.text
    assert env_file.read(tmp_path / env_file.NAME) == {
        "DEV_DATABASE_URL": DEV.replace("$", "%24"),
        "PROD_DATABASE_URL": PROD,
    }
    told = line.run("dump").stderr  # the same databases: nothing is refused
    assert told.startswith("Dev: shop on dev.invalid:5432, from ")


@pytest.mark.parametrize("name", ["BUILD_DATABASE_URL", STORAGE])
@pytest.mark.parametrize("password", ["canary", "can$ary'", "%C3%A4"])
def test_a_url_that_has_no_option_is_kept_from_the_environment(
    tmp_path: Path, name: str, password: str
) -> None:
    url = f"postgresql://me:{password}@ops.invalid:5432/runs"
    done = CommandLine(tmp_path, {name: url}).run("init")
    assert (done.returncode, password in done.text) == (0, False), done.text
    kept = env_file.read(tmp_path / env_file.NAME)
    assert kept == {name: url.replace("$", "%24").replace("'", "%27")}


def test_a_url_is_taken_from_an_option_but_no_password(tmp_path: Path) -> None:
    line = CommandLine(tmp_path, {})
    refused = line.run("init", "--dev", "postgresql://dumper:canary@dev.invalid/shop")
    assert refused.returncode == 2
    assert "canary" not in refused.text
    assert not (tmp_path / env_file.NAME).exists()
    assert line.run("init", "--dev", "postgresql://dumper@dev.invalid/shop").returncode == 0
    assert env_file.read(tmp_path / env_file.NAME) == {
        "DEV_DATABASE_URL": "postgresql://dumper@dev.invalid/shop"
    }


def test_the_name_and_the_place_of_client_programs_that_another_shell_lacks_are_kept(
    dev: Server, tmp_path: Path
) -> None:
    programs = dev.cluster.bin_dir
    line = CommandLine(tmp_path, {"PGPROMOTE_NAME": "shop", "PATH": f"{programs}:{os.defpath}"})
    assert line.run("init", "found").returncode == 0
    named = line.having(PATH=os.defpath, PGPROMOTE_PG_BIN=str(programs))
    assert named.run("init", "named").returncode == 0
    for place in ("found", "named"):
        written = env_file.read(tmp_path / place / env_file.NAME)
        assert written == {"PGPROMOTE_NAME": "shop", "PGPROMOTE_PG_BIN": str(programs)}


@pytest.mark.parametrize("odd", ["a b", "a$HOME", 'a"b', "a#b", "a'b"])
def test_a_place_that_readers_of_the_file_would_take_in_different_ways_is_left_to_you(
    tmp_path: Path, odd: str
) -> None:
    (tmp_path / odd).mkdir()
    assert CommandLine(tmp_path, {"PGPROMOTE_PG_BIN": str(tmp_path / odd)}).run("init").returncode == 0
    assert env_file.read(tmp_path / env_file.NAME) == {}


@pytest.mark.parametrize("name", init.FILES)
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("nowhere")
    done = CommandLine(tmp_path, {}).run("init")
    assert done.returncode == 1
    assert f"has {name} already; nothing was written" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_file_names_every_setting_and_each_line_can_be_taken_as_it_is(tmp_path: Path) -> None:
    CommandLine(tmp_path, {}).run("init")
    lines = (tmp_path / env_file.NAME).read_text().splitlines()
    settings = [line[1:] for line in lines if line[:1] == "#" and line[1:2] in string.ascii_uppercase]
    named = {line.partition("=")[0] for line in settings}
    assert named == {
        *SETTINGS,
        "DEV_DATABASE_URL",
        "PROD_DATABASE_URL",
        "BUILD_DATABASE_URL",
        STORAGE,
    }
    (tmp_path / env_file.NAME).write_text("\n".join(settings))
    assert env_file.read(tmp_path / env_file.NAME)["PGPROMOTE_CRON"] == "0 2 * * *"


def test_dagster_is_told_the_same_as_in_the_checkout(tmp_path: Path) -> None:
    directory = tmp_path / "my shop: {1}"
    CommandLine(tmp_path, {}).run("init", directory)
    for name in ("dagster.yaml", "workspace.yaml"):
        ours, theirs = (yaml.safe_load((place / name).read_text()) for place in (directory, CHECKOUT))
        if name == "dagster.yaml":
            for part in ("local_artifact_storage", "compute_logs"):
                config = theirs[part]["config"]
                config["base_dir"] = f"{directory}/{config['base_dir']}"
        else:  # two promotions may share one instance
            theirs["load_from"][0]["python_module"]["location_name"] = "pgpromote_my_shop___1_"
        assert ours == theirs


@pytest.fixture
def nightly(tmp_path: Path) -> tuple[CommandLine, Path]:
    """Make a directory with a name that every format has to quote."""
    directory = tmp_path / "50% of 'my' shop"
    directory.mkdir()
    return CommandLine(directory, {}), directory


def test_cron_runs_one_command_at_night_and_asks_in_the_morning_whether_it_did(
    nightly: tuple[CommandLine, Path],
) -> None:
    line, directory = nightly
    written = line.run("init", "--for", "cron").stdout.splitlines()
    entries = [entry.split(" ", 5) for entry in written if not entry.startswith("#")]
    at = [" ".join(when) for *when, _ in entries]
    assert at == ["0 2 * * *", "30 6 * * *"]
    commands = [command for *_, command in entries]
    assert "%" not in "".join(commands).replace(r"\%", "")
    words = [shlex.split(command.replace(r"\%", "%"))[1:] for command in commands]
    given = ["--quiet", "--env-file", f"{directory}/pgpromote.env"]
    assert words == [[*given, "promote"], [*given, "status", "--max-age", "26h"]]
    assert list(directory.iterdir()) == []


def test_the_documented_lines_of_a_crontab_are_those_that_are_printed() -> None:
    printed = init.nightly("cron", Path("/srv/shop")).splitlines()
    ours = {line.replace(str(Path(sys.executable).parent), "/opt/pgpromote/bin") for line in printed}
    pages = [CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md")]
    lines = [line for page in pages for line in page.read_text().splitlines()]
    assert {line for line in lines if re.match(r"([0-9*/]+ +){5}", line) and "…" not in line} == {
        line for line in ours if not line.startswith("#")
    }


def test_systemd_runs_one_service_by_a_timer(nightly: tuple[CommandLine, Path]) -> None:
    line, directory = nightly
    service, _, timer = line.run("init", "--for", "systemd").stdout.partition(
        "# /etc/systemd/system/pgpromote.timer"
    )
    parsed = configparser.RawConfigParser(strict=True)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string(service)
    start = parsed["Service"]["ExecStart"].replace("%%", "%")
    assert shlex.split(start)[1:] == ["--env-file", f"{directory}/pgpromote.env", "promote"]
    assert parsed["Service"]["Type"] == "oneshot"
    assert "OnCalendar=*-*-* 02:00:00" in timer


def test_compose_waits_for_the_night_and_promotes(nightly: tuple[CommandLine, Path]) -> None:
    line, directory = nightly
    (service,) = yaml.safe_load(line.run("init", "--for", "compose").stdout)["services"].values()
    assert service["env_file"] == f"{directory}/pgpromote.env"
    assert "pgpromote promote" in service["command"][0]
    assert service["init"] is True


def test_kubernetes_runs_one_job_a_night_and_never_two(nightly: tuple[CommandLine, Path]) -> None:
    line, _ = nightly
    job, claim = yaml.safe_load_all(line.run("init", "--for", "kubernetes").stdout)
    assert (job["kind"], job["spec"]["concurrencyPolicy"]) == ("CronJob", "Forbid")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["args"] == ["promote"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


@pytest.fixture
def filled(dev: Server, prod: Server, tmp_path: Path) -> Path:
    """Make a directory whose file has all that a run of Dagster needs; return it."""
    directory = tmp_path / "shop"
    urls = {"DEV_DATABASE_URL": dev.new_url(SHOP), "PROD_DATABASE_URL": prod.new_url()}
    assert CommandLine(tmp_path, urls).run("init", directory).returncode == 0
    bins = os.pathsep.join(str(server.cluster.bin_dir) for server in (dev, prod))
    with (directory / env_file.NAME).open("a") as settings:
        settings.write(f"{STORAGE}={dev.new_url()}\nPGPROMOTE_PG_BIN={bins}\n")
        settings.write("PGPROMOTE_RESTORE_AS_SUPERUSER=1\n")
    return directory


def test_a_refresh_needs_the_directory_alone_wherever_one_stands(filled: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    done = CommandLine(elsewhere, {}).run("--env-file", filled / env_file.NAME, "refresh")

    assert done.returncode == 0, done.text
    assert list((filled / "data" / "postgres").glob("*/*_dev.dump"))
    assert list((filled / "data" / "reports").glob("*.html"))
    assert (filled / "data" / "dagster").is_dir()


def test_dagsters_own_commands_read_the_file_by_its_other_name(filled: Path) -> None:
    (filled / ".env").symlink_to(env_file.NAME)

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "dagster",
            "job",
            "execute",
            "-m",
            "pgpromote.definitions",
            "-j",
            "refresh_prod",
        ],
        check=False,
        cwd=filled,
        env={**BARE, "DAGSTER_HOME": str(filled), "DAGSTER_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert list((filled / "data" / "reports").glob("*.html"))
