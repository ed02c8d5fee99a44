"""The file of settings: which one is read, what of it counts, and what is refused without showing a value."""

import os
from pathlib import Path

import pytest

from pgpromote.cli import env_file
from pgpromote.cli.env_file import EnvFile
from pgpromote.postgres.errors import ConfigError
from pgpromote.promotion import STORAGE
from pgpromote_tests.func.command_line import CommandLine

DEV = "postgresql://dumper:canary@dev.invalid:5432/shop"
OTHER = "postgresql://dumper:canary@elsewhere.invalid:5432/shop"
PROD = "postgresql://promoter:canary@prod.invalid:5433/shop"


def written(directory: Path, text: str, mode: int = 0o600, name: str = env_file.NAME) -> Path:
    path = directory / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_lines_are_read_as_systemd_and_compose_read_them(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "# a comment\n\n"
        "PGPROMOTE_NAME=shop\n"
        "PGPROMOTE_CRON=30 1 * * *\n"
        'PGPROMOTE_TIMEZONE="Europe/Berlin"\n'
        "PGPROMOTE_ACCEPT_LOSS='public.sessions, cache.*'\n"
        "DEV_DATABASE_URL=postgresql://me:a$HOME${HOME}b@h/d?sslmode=require\n"
        "PGPROMOTE_KEEP=\n"
        "TZ=UTC\n",
    )
    assert env_file.read(path) == {
        "PGPROMOTE_NAME": "shop",
        "PGPROMOTE_CRON": "30 1 * * *",
        "PGPROMOTE_TIMEZONE": "Europe/Berlin",
        "PGPROMOTE_ACCEPT_LOSS": "public.sessions, cache.*",
        "DEV_DATABASE_URL": "postgresql://me:a$HOME${HOME}b@h/d?sslmode=require",
        "TZ": "UTC",
    }


def test_paths_are_relative_to_the_file_and_not_to_where_one_stands(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "PGPROMOTE_DUMP_DIR=dumps\n"
        "PGPROMOTE_PG_BIN=pg17/bin:/opt/pg18/bin\n"
        "PGPASSFILE=secrets/pgpass\n"
        "DEV_DATABASE_URL=postgresql://h/d?sslmode=verify-full&sslrootcert=my%20certs/ca.pem\n"
        "PROD_DATABASE_URL=postgresql://h/d?sslrootcert=system&sslkey=/etc/key.pem\n",
    )
    assert env_file.read(path) == {
        "PGPROMOTE_DUMP_DIR": f"{tmp_path}/dumps",
        "PGPROMOTE_PG_BIN": f"{tmp_path}/pg17/bin:/opt/pg18/bin",
        "PGPASSFILE": f"{tmp_path}/secrets/pgpass",
        "DEV_DATABASE_URL": (
            f"postgresql://h/d?sslmode=verify-full&sslrootcert={tmp_path}/my%20certs/ca.pem"
        ),
        "PROD_DATABASE_URL": "postgresql://h/d?sslrootcert=system&sslkey=/etc/key.pem",
    }


def test_directories_that_nothing_names_are_beside_the_file(tmp_path: Path) -> None:
    read = EnvFile(written(tmp_path, "PGPROMOTE_NAME=shop"), {"PGPROMOTE_NAME": "shop"}, chosen=True)
    assert read.added({"PGPROMOTE_REPORT_DIR": "reports"}) == {
        "PGPROMOTE_NAME": "shop",
        "PGPROMOTE_DUMP_DIR": f"{tmp_path}/data/postgres",
    }


def test_dagster_finds_its_instance_beside_the_file_where_that_has_storage(tmp_path: Path) -> None:
    read = EnvFile(tmp_path / env_file.NAME, {STORAGE: "postgresql://h/dagster"}, chosen=True)
    assert env_file.HOME not in read.added({})
    (tmp_path / env_file.INSTANCE).touch()
    assert read.added({})[env_file.HOME] == str(tmp_path)
    assert env_file.HOME not in read.added({env_file.HOME: "/srv/dagster"})
    assert env_file.HOME not in EnvFile(read.path, {}, chosen=True).added({})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match=f"is open to others: mode {mode:04o}") as refused:
        env_file.read(written(tmp_path, f"DEV_DATABASE_URL={DEV}", mode))
    assert "chmod 600" in str(refused.value)


def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, f"DEV_DATABASE_URL={DEV}")
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
    else:
        path = Path("/etc/passwd")
    with pytest.raises(ConfigError, match="belongs to another user"):
        env_file.read(path)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("link", "is a symbolic link"),
        ("dangling", "is a symbolic link"),
        ("directory", "is not a regular file"),
        ("pipe", "is not a regular file"),
        ("missing", "cannot be read: No such file"),
        ("large", "is larger than 65,536 bytes"),
        ("binary", "is not text in UTF-8"),
    ],
)
def test_only_a_small_regular_text_file_is_read(tmp_path: Path, kind: str, told: str) -> None:
    path = tmp_path / "settings"
    match kind:
        case "link":
            path.symlink_to(written(tmp_path, "PGPROMOTE_NAME=shop"))
        case "dangling":
            path.symlink_to(tmp_path / "nowhere")
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path, 0o600)
        case "large":
            written(tmp_path, f"#{'x' * env_file.LIMIT}", name="settings")
        case "binary":
            written(tmp_path, "", name="settings").write_bytes(b"A=\xff")
    with pytest.raises(ConfigError, match=told):
        env_file.read(path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("canary", "line 2 is not KEY=VALUE"),
        ("DEV_DATABASE_URL: canary", "line 2 is not KEY=VALUE"),
        ("PGPROMOTE_NAME='canary", "line 2 is not KEY=VALUE"),
        ('PGPROMOTE_NAME="canary" shop', "line 2 is not KEY=VALUE"),
        ("PGPROMOTE_NAME=can\0ary", "line 2 is not KEY=VALUE"),
        ("TZ=canary", "line 2 sets TZ again"),
        ("PGPROMOTE_KEEP_DAY=canary", "there is no setting PGPROMOTE_KEEP_DAY"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused_and_its_value_is_not_shown(
    tmp_path: Path, line: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        env_file.read(written(tmp_path, f"TZ=UTC\n{line}\n"))
    assert "canary" not in str(refused.value)


def test_a_misspelled_setting_is_told_with_the_one_that_is_meant(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is PGPROMOTE_KEEP_DAYS meant"):
        env_file.read(written(tmp_path, "PGPROMOTE_KEEP_DAY=3"))


def test_the_environment_wins(tmp_path: Path) -> None:
    path = written(tmp_path, "PGPROMOTE_NAME=file\nPGPROMOTE_KEEP=3")
    read = EnvFile(path, env_file.read(path), chosen=False)
    added = read.added({"PGPROMOTE_NAME": "environment", "PGPROMOTE_KEEP": ""})
    assert "PGPROMOTE_NAME" not in added
    assert added["PGPROMOTE_KEEP"] == "3"


@pytest.mark.parametrize("name", env_file.DATABASES)
def test_two_databases_are_refused_until_one_is_chosen(tmp_path: Path, name: str) -> None:
    read = EnvFile(tmp_path / env_file.NAME, {name: DEV}, chosen=False)
    with pytest.raises(ConfigError, match=f"{name}: .* names another database") as refused:
        read.added({name: OTHER})
    assert "canary" not in str(refused.value)
    assert EnvFile(read.path, read.values, chosen=True).added({name: OTHER})[name] == DEV


def test_the_same_database_by_another_login_is_no_other_database(tmp_path: Path) -> None:
    read = EnvFile(tmp_path / env_file.NAME, {"DEV_DATABASE_URL": DEV}, chosen=False)
    assert "DEV_DATABASE_URL" not in read.added({"DEV_DATABASE_URL": DEV.replace("dumper", "me")})


def test_a_command_says_first_which_database_it_uses_and_who_says_so(tmp_path: Path) -> None:
    written(tmp_path, f"DEV_DATABASE_URL={DEV}\nPROD_DATABASE_URL={PROD}\n")
    other = written(tmp_path, f"PROD_DATABASE_URL={PROD}\n", name="other.env")
    line = CommandLine(tmp_path, {})

    def first(*arguments: str, **variables: str) -> str:
        done = line.having(**variables).run(*arguments)
        assert "canary" not in done.text
        return done.stderr.partition("\n")[0]

    assert first("status") == "Prod: shop on prod.invalid:5433, from pgpromote.env"
    assert first("dump") == "Dev: shop on dev.invalid:5432, from pgpromote.env"
    assert first("--env-file", str(other), "status") == f"Prod: shop on prod.invalid:5433, from {other}"
    assert first("dump", DEV_DATABASE_URL=DEV) == "Dev: shop on dev.invalid:5432, from the environment"
    assert (
        first("audit", DATABASE_URL=OTHER) == "Audited: shop on elsewhere.invalid:5432, from the environment"
    )
    refused = "Error: DEV_DATABASE_URL: pgpromote.env names another database than the environment."
    assert first("status", DEV_DATABASE_URL=OTHER) == refused
    assert first("--env-file=", "dump", DEV_DATABASE_URL=OTHER).endswith(
        "elsewhere.invalid:5432, from the environment"
    )
    assert first("--env-file", "pgpromote.env", "dump", DEV_DATABASE_URL=OTHER).endswith(
        ", from pgpromote.env"
    )


def test_the_file_decides_where_archives_are_wherever_one_stands(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "elsewhere").mkdir()
    path = written(tmp_path / "shop", "PGPROMOTE_NAME=shop\n")
    done = CommandLine(tmp_path / "elsewhere", {}).run("--env-file", path, "inspect")
    assert f"There is no archive at {tmp_path}/shop/data/postgres/shop/shop_dev.dump." in done.stderr


def test_what_needs_no_settings_does_not_read_the_file(tmp_path: Path) -> None:
    written(tmp_path, "canary", 0o644)
    line = CommandLine(tmp_path, {})
    assert line.run("completion", "bash").returncode == 0
    assert line.run("status").returncode == 1


@pytest.mark.parametrize("command", ["promote", "status", "rollback", "up", "alert"])
def test_help_is_shown_whatever_the_file_is(tmp_path: Path, command: str) -> None:
    written(tmp_path, "no line of settings")
    line = CommandLine(tmp_path, {})
    shown, refused = line.run(command, "--help"), line.run(command, *["--test"] * (command == "alert"))
    assert shown.returncode == 0, shown.stderr
    assert f"pgpromote {command}" in shown.stdout
    assert refused.returncode == 1
    assert "is not KEY=VALUE" in refused.stderr


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BUILD_DATABSE_URL", "BUILD_DATABASE_URL"),
        ("PGPROMOTE_KEEPP", "PGPROMOTE_KEEP"),
        ("PGPROMOTE_WEBHOK_URL", "PGPROMOTE_WEBHOOK_URL"),
        ("PGPROMOTE_UI_PORT", ""),
        ("OLD_DATABASE_URL", ""),
        ("PROD_DATABASE_URL", ""),
    ],
)
def test_a_name_that_is_like_a_setting_is_told_and_another_is_not(name: str, meant: str) -> None:
    told = list(env_file.misspelled(["PATH", name, "HOME"]))
    assert told == [f"There is no setting {name}, so it has no effect. Is {meant} meant?"] * bool(meant)


@pytest.mark.parametrize("where", ["environment", "file"])
def test_a_login_of_a_misspelled_name_is_not_left_out_in_silence(tmp_path: Path, where: str) -> None:
    canary = "postgresql://builder:kanarie@127.0.0.1:1/shop"
    if where == "file":
        written(tmp_path, f"BUILD_DATABSE_URL={canary}\n")
    line = CommandLine(tmp_path, {"BUILD_DATABSE_URL": canary} if where == "environment" else {})
    done = line.run("-q", "status")
    assert "Is BUILD_DATABASE_URL meant?" in done.stderr
    assert "kanarie" not in done.text
