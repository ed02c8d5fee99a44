"""Alerts of the command line: a test alert, and one of a command that fails, before its run or in it."""

from pathlib import Path

import pytest

from pgpromote.postgres.server import parse_url
from pgpromote_tests.func.command_line import CommandLine
from pgpromote_tests.func.test_alerts import CANARY, receiving
from pgpromote_tests.servers import Server


def test_a_test_alert_reaches_the_webhook(tmp_path: Path) -> None:
    with receiving([]) as receiver:
        line = CommandLine(tmp_path, {"PGPROMOTE_WEBHOOK_URL": receiver.url, "PGPROMOTE_NAME": "shop"})
        done = line.run("alert", "--test")
    assert done.returncode == 0, done.stderr
    ((_, alert),) = receiver.received
    assert (alert["event"], alert["promotion"]) == ("test", "shop")
    assert "this is a test" in alert["text"]


@pytest.mark.parametrize(("arguments", "code"), [(("alert", "--test"), 1), (("alert",), 2)])
def test_an_alert_to_nobody_is_an_error(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    assert CommandLine(tmp_path, {}).run(*arguments).returncode == code


WRONG = {
    "a setting that is no number": {"PGPROMOTE_KEEP": "many"},
    "no URL of prod": {"DEV_DATABASE_URL": "postgresql://me:kanarienvogel@127.0.0.1:1/shop_dev"},
    "a URL that is none": {"PROD_DATABASE_URL": "shop:kanarienvogel"},
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("command", ["promote", "restore", "refresh"])
def test_a_command_that_fails_before_its_run_begins_posts_one_alert(
    tmp_path: Path, command: str, wrong: str
) -> None:
    with receiving([]) as receiver:
        settings = {"PGPROMOTE_WEBHOOK_URL": receiver.url, "PGPROMOTE_NAME": "shop", **WRONG[wrong]}
        done = CommandLine(tmp_path, settings).run(command)
    assert done.returncode == 1
    ((_, alert),) = receiver.received
    assert (alert["event"], alert["promotion"], alert["job"]) == ("run_failed", "shop", command)
    assert alert["untouched"] == "Prod is untouched."
    assert alert["untouched"] in done.stderr
    assert alert["what"] in done.stderr
    assert CANARY not in str(alert)


UNREADABLE = {
    "a file that others may read": (0o644, "PGPROMOTE_KEEP=3\n"),
    "a line that is no setting": (0o600, "PGPROMOTE_KEEP is 3\n"),
    "a setting that nobody knows": (0o600, "PGPROMOTE_KEEPP=3\n"),
}


@pytest.mark.parametrize("wrong", UNREADABLE)
def test_a_file_of_settings_that_cannot_be_used_is_an_alert_by_the_environment_s_webhook(
    tmp_path: Path, wrong: str
) -> None:
    mode, text = UNREADABLE[wrong]
    file = tmp_path / "pgpromote.env"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    with receiving([]) as receiver:
        done = CommandLine(tmp_path, {"PGPROMOTE_WEBHOOK_URL": receiver.url}).run("promote")
    assert done.returncode == 1
    ((_, alert),) = receiver.received
    assert alert["what"] in done.stderr
    assert "pgpromote.env" in alert["what"]


# Whose check is true on dev alone, so that a restore fails when the new database is half there.
AT_HOME = """
    CREATE FUNCTION at_home() RETURNS boolean LANGUAGE sql AS
        $$ SELECT pg_catalog.current_database() OPERATOR(pg_catalog.=) '{name}' $$;
    CREATE TABLE "Große ""Tabelle"" 2" (id integer PRIMARY KEY, CHECK (at_home()));
    INSERT INTO "Große ""Tabelle"" 2" VALUES (1);
"""


@pytest.mark.parametrize("command", ["promote", "rehearse"])
def test_the_alert_of_a_run_says_which_prod_where_its_report_is_and_what_is_left(
    dev: Server, prod: Server, tmp_path: Path, command: str
) -> None:
    source, target = dev.new_url(), parse_url(prod.new_url(), "PROD_DATABASE_URL")
    dev.execute(AT_HOME.format(name=parse_url(source, "URL").name), parse_url(source, "URL").name)
    settings = {
        "DEV_DATABASE_URL": source, "PROD_DATABASE_URL": prod.url(target.name), "PGPROMOTE_NAME": "shop",
        "PGPROMOTE_PG_BIN": str(dev.cluster.bin_dir), "PGPROMOTE_RESTORE_AS_SUPERUSER": "1",
    }  # fmt: skip
    with receiving([]) as receiver:
        line = CommandLine(tmp_path, {**settings, "PGPROMOTE_WEBHOOK_URL": receiver.url})
        line.having(PGPROMOTE_WEBHOOK_URL="").run("dump")
        done = line.run(command)
    assert done.returncode == 1, done.text
    ((_, alert),) = receiver.received
    assert alert["target"] == target.label
    assert f"Prod: {target.label}" in alert["text"]
    assert Path(alert["report"]).is_file()
    assert alert["report"] in done.stderr
    assert alert["failed"] == "restore failed"  # the step
    # Known only when all is over.
    assert alert["untouched"] == "Prod is untouched; the new database beside it is dropped."
    assert alert["untouched"] in done.stderr


def test_a_webhook_that_is_none_does_not_hide_why_a_command_fails(tmp_path: Path) -> None:
    wrong = {"PGPROMOTE_WEBHOOK_URL": "nowhere", "PGPROMOTE_KEEP": "many"}
    done = CommandLine(tmp_path, wrong).run("promote")
    assert done.returncode == 1
    assert "PGPROMOTE_KEEP" in done.stderr


@pytest.mark.parametrize("command", ["promote", "restore"])
def test_a_webhook_that_is_none_hides_neither_the_error_of_a_run_nor_its_exit_code(
    tmp_path: Path, command: str
) -> None:
    wrong = {"PGPROMOTE_WEBHOOK_URL": "htp://kanarie", "PGPROMOTE_NAME": "shop"}
    wrong |= dict.fromkeys(("DEV_DATABASE_URL", "PROD_DATABASE_URL"), "postgresql://me@127.0.0.1:1/shop")
    done = CommandLine(tmp_path, wrong).run(command)
    assert done.returncode == 3
    assert "[target_reachable]" in done.stderr
    assert "No alert was posted. PGPROMOTE_WEBHOOK_URL is not the address of a web server." in done.stderr
    assert "kanarie" not in done.text


@pytest.mark.parametrize("given", [(), ("--debug",)])
def test_a_refusal_has_its_exit_code_with_a_traceback_too(tmp_path: Path, given: tuple[str, ...]) -> None:
    unreachable = {"PGPROMOTE_NAME": "shop", "PROD_DATABASE_URL": "postgresql://me@127.0.0.1:1/shop"}
    done = CommandLine(tmp_path, unreachable).run(*given, "restore")
    assert done.returncode == 3
    assert ("Traceback" in done.stderr) == bool(given)
