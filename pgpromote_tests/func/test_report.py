"""The report of a real run: its asset, its two files, and how the page looks in a real browser."""

import json
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from jsonschema import validate  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, sync_playwright

from pgpromote import report as reports
from pgpromote.defs.factory import build_promotion
from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.losses import counts
from pgpromote.promotion import TARGET, Promotion
from pgpromote.report import Written
from pgpromote.report.directory import KEPT
from pgpromote_tests import runs
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func import shops
from pgpromote_tests.runs import SHOP, failure_of, metadata_of
from pgpromote_tests.unit.reports import (
    EMPTY,
    HOSTILE,
    NOT_AUDITED,
    NOW,
    audited,
    checked,
    failed,
    finding,
    promoted,
)

ODD = "<b>odd</b> | `table`"
IN_DEV = f"""{SHOP}
    CREATE TABLE "{ODD}" (id integer PRIMARY KEY); INSERT INTO "{ODD}" SELECT generate_series(1, 5);
    ALTER TABLE orders ADD channel text NOT NULL DEFAULT 'web'; ALTER TABLE orders ALTER channel DROP DEFAULT;
"""
IN_PROD = """
    CREATE TABLE customers (id integer PRIMARY KEY, name text); INSERT INTO customers VALUES (7, 'old');
    CREATE TABLE only_in_prod (id integer); INSERT INTO only_in_prod VALUES (1), (2);
    GRANT SELECT ON customers TO PUBLIC;
"""


@dataclass(frozen=True)
class Refreshed:
    """A refresh that went well, and what its report says."""

    promotion: Promotion
    result: dg.ExecuteInProcessResult
    page: Path
    json: Path
    twin: dict[str, Any]


@pytest.fixture(scope="module")
def refreshed(start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Refreshed:
    dev, prod = start_server(16, "dev"), start_server(16, "prod")
    directory = tmp_path_factory.mktemp("refreshed")
    ignored = "not_null_without_default:public.customers*"
    settings = {"PGPROMOTE_AUDIT_IGNORE": ignored, "PGPROMOTE_ACCEPT_LOSS": "only_in_prod"}
    promotion = runs.promotion(dev.new_url(IN_DEV), prod.new_url(IN_PROD), directory, dev, **settings)
    result = runs.run(promotion, "refresh_prod")
    assert result.success
    shown = metadata_of(result, "promotion_report")
    page, twin = (Path(str(shown[name].value)) for name in ("report", "json"))
    return Refreshed(promotion, result, page, twin, json.loads(twin.read_text()))


def test_the_asset_leads_to_the_page_and_shows_its_summary(refreshed: Refreshed) -> None:
    shown = metadata_of(refreshed.result, "promotion_report")
    assert isinstance(shown["report"], dg.PathMetadataValue)
    assert refreshed.page.parent == refreshed.promotion.report_dir
    assert isinstance(shown["summary"], dg.MarkdownMetadataValue)
    assert shown["verdict"].value == "promoted"
    summary = str(shown["summary"].value)
    assert "Prod is what the archive says." in summary
    assert "| public.customers | 1 | 30 | 30 |" in summary
    assert ODD not in summary


def test_the_json_twin_is_as_its_schema_promises(refreshed: Refreshed) -> None:
    validate(refreshed.twin, json.loads(files("pgpromote.report").joinpath("schema.json").read_text()))


def test_the_report_says_what_the_run_did(refreshed: Refreshed) -> None:
    twin, prod = refreshed.twin, metadata_of(refreshed.result, "prod_schema")
    assert twin["run_id"] == refreshed.result.run_id
    assert twin["target"] == refreshed.promotion.target().label
    assert [step["name"] for step in twin["steps"]] == [
        "check", "prepare", "restore", "repair", "compare", "carry", "analyze", "prove",
        "swap", "retain",
    ]  # fmt: skip
    assert {each["table"]: (each["before"], each["archive"], each["after"]) for each in twin["rows"]} == {
        "public.customers": (1, 30, 30),
        "public.only_in_prod": (2, None, 0),
        "public.orders": (0, 50, 50),
        "public.tags": (0, 20, 20),
        f"public.{ODD}": (0, 5, 5),
    }
    counted = {each["kind"]: (each["before"], each["after"]) for each in twin["objects"]}
    assert (counted["TABLE"], counted["VIEW"]) == ((2, 4), (0, 1))
    assert twin["cut_over"]["previous"] == prod["previous database"].value
    assert twin["cut_over"]["gap_ms"] == prod["gap (ms)"].value
    assert "public.only_in_prod" in [loss["object"] for loss in twin["losses"]]
    repaired = {(change["table"], change["action"]) for change in twin["repair"]["changes"]}
    assert repaired == {
        ("public.customers", "add identity"),
        ("public.orders", "bump"),
        (f'public."{ODD}"', "add identity"),
    }
    assert any("GRANT SELECT" in each["sql"] for each in twin["rights"]["statements"])
    (nameless,) = [rule for rule in twin["rules"] if rule["rule"] == "not_null_without_default"]
    assert {each["object"].rpartition(".")[0] for each in nameless["findings"]} == {"public.orders"}
    assert {each["object"].rpartition(".")[0] for each in twin["suppressed"]} == {"public.customers"}
    assert twin["manifest"]["sha256"] == twin["sha256"] == prod["SHA-256"].value


def test_no_file_is_for_other_eyes_and_none_holds_a_password(refreshed: Refreshed) -> None:
    directory = refreshed.promotion.report_dir
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    (state,) = (directory / "runs").iterdir()
    assert stat.S_IMODE((directory / "runs").stat().st_mode) == 0o700
    written = [refreshed.page, refreshed.json]
    assert sorted(directory.iterdir()) == sorted([*written, state.parent])
    for path in (*written, state):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "postgresql://" not in path.read_text()
    password = refreshed.promotion.environment[TARGET].split(":")[2].partition("@")[0]
    assert password not in refreshed.page.read_text() + refreshed.json.read_text()


def test_a_report_clicked_alone_says_that_there_is_nothing_to_report(refreshed: Refreshed) -> None:
    definitions = build_promotion(refreshed.promotion)
    job = definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        asset_selection=[dg.AssetKey("promotion_report")],
        run_config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},
        raise_on_error=False,
    )
    assert not result.success
    _, told, _ = failure_of(result)
    assert "nothing to report" in told
    assert "refresh_prod" in told


def test_a_tally_says_which_tables_are_not_ours_to_read(start_server: StartServer) -> None:
    server = start_server(16, "prod")
    (role,) = shops.roles(server, 1)
    database = server.new_database(
        f"""
        CREATE TABLE ours (id integer); CREATE TABLE theirs (id integer);
        INSERT INTO ours VALUES (1); INSERT INTO theirs VALUES (1);
        GRANT SELECT ON ours TO {role}; SELECT lo_create(0);
        """
    )
    counted = counts.read(shops.login(server, database.name, role), "test")
    assert counted.rows == {"public.ours": 1, "public.theirs": None, "large objects": 1}
    assert counted.objects == {"TABLE": 2}


def write(directory: Path, name: str = "shop", run_id: str = "4f1c") -> Written:
    record = replace(EMPTY, promotion=name, run_id=run_id)
    return reports.write(reports.build(record, NOT_AUDITED, NOW), directory)


def test_the_newest_reports_of_a_promotion_are_kept(tmp_path: Path) -> None:
    ours = [
        tmp_path / f"shop.20250101_000000_{n:03}.old.{end}" for n in range(KEPT) for end in ("html", "json")
    ]
    left = tmp_path / "shop.20240101_000000_000.killed.html.partial"
    others = [tmp_path / name for name in ("shop2.20250101_000000_000.old.html", "shop.html", "notes.txt")]
    for path in (*ours, left, *others):
        path.touch()

    written = write(tmp_path)

    assert {written.page, written.json, *others, *ours[2:]} == set(tmp_path.iterdir())


def test_a_partial_file_of_somebody_else_is_not_written_through(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    directory = tmp_path / "reports"
    name = write(directory).json.name
    (directory / f"{name}.partial").symlink_to(elsewhere)

    with pytest.raises(ConfigError, match="cannot be written"):
        write(directory)

    assert elsewhere.read_text() == "mine"


def test_a_directory_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="PGPROMOTE_REPORT_DIR") as caught:
        write(tmp_path / "file")
    assert str(tmp_path / "file") in str(caught.value)


def test_the_id_of_a_run_cannot_leave_the_directory(tmp_path: Path) -> None:
    written = write(tmp_path / "reports", run_id="../../x.y")
    assert written.page.parent == tmp_path / "reports"
    assert written.page.exists()


# In a browser.


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(refreshed: Refreshed, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write pages of runs that ended differently, beside the one of a real run."""
    directory = tmp_path_factory.mktemp("pages")
    made = {
        "hostile": reports.build(promoted(), audited(), NOW),
        "failed": reports.build(failed(), NOT_AUDITED, NOW),
        "empty": reports.build(EMPTY, NOT_AUDITED, NOW),
    }
    written = {name: reports.write(report, directory / name).page for name, report in made.items()}
    return {"real": refreshed.page, **written}


@dataclass(frozen=True)
class Seen:
    """A page, what it asked for, and what the browser complained of."""

    page: Page
    requests: list[str]
    complaints: list[str]


@pytest.fixture
def look(browser: Browser, pages: dict[str, Path]) -> Iterator[Callable[[str, int, str], Seen]]:
    opened = []

    def look(name: str, width: int, scheme: str) -> Seen:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        opened.append(page)
        seen = Seen(page, [], [])
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("console", lambda message: seen.complaints.append(message.text))
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("dialog", lambda dialog: seen.complaints.append(dialog.message))
        page.goto(pages[name].as_uri(), wait_until="load")
        return seen

    yield look
    for page in opened:
        page.close()


def unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")


def height(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollHeight"))


def brightness(page: Page, element: str) -> float:
    """Return how bright an element's background is, from 0 to 255."""
    colour = page.evaluate("e => getComputedStyle(document.querySelector(e)).backgroundColor", element)
    return sum(map(float, colour.removeprefix("rgb(").removesuffix(")").split(","))) / 3


@pytest.mark.parametrize("name", ["real", "hostile", "failed", "empty"])
def test_a_page_is_read_on_a_telephone_in_the_dark(
    look: Callable[[str, int, str], Seen], pages: dict[str, Path], name: str
) -> None:
    seen = look(name, 400, "dark")
    assert seen.requests == [pages[name].as_uri()]
    assert seen.complaints == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 400
    assert brightness(seen.page, "body") < 60
    assert brightness(seen.page, "section") < 60


def test_a_page_is_bright_by_day_and_on_paper(look: Callable[[str, int, str], Seen]) -> None:
    page = look("real", 1200, "light").page
    assert brightness(page, "body") > 200
    printed = look("real", 1200, "dark").page
    printed.emulate_media(media="print", color_scheme="dark")
    assert brightness(printed, "body") == 255
    assert len(printed.pdf()) > 0


def test_names_that_look_like_markup_are_read_as_they_are(look: Callable[[str, int, str], Seen]) -> None:
    page = look("hostile", 1200, "light").page
    assert page.locator("script, section b").count() == 0
    assert page.locator("#changes td", has_text=HOSTILE).count() == 1


def test_the_timeline_has_a_bar_for_each_step_within_the_picture(
    look: Callable[[str, int, str], Seen], refreshed: Refreshed
) -> None:
    page = look("real", 400, "light").page
    unfold(page)
    picture = page.locator("#timeline svg").bounding_box()
    bars = [bar.bounding_box() for bar in page.locator("#timeline .bar").all()]
    assert len(bars) == len(refreshed.twin["steps"])
    assert picture is not None
    for bar in bars:
        assert bar is not None
        assert bar["width"] >= 1
        assert picture["x"] - 1 <= bar["x"]
        assert bar["x"] + bar["width"] <= picture["x"] + picture["width"] + 1


def test_the_step_that_failed_stands_out(look: Callable[[str, int, str], Seen]) -> None:
    page = look("failed", 1200, "light").page
    fill = "e => getComputedStyle(e).fill"
    colours = [bar.evaluate(fill) for bar in page.locator("#timeline .bar").all()]
    assert len(set(colours[:-1])) == 1
    assert colours[-1] not in colours[:-1]


def test_one_click_takes_a_whole_statement(look: Callable[[str, int, str], Seen]) -> None:
    page = look("real", 1200, "light").page
    unfold(page)
    statement = page.locator("#repair pre.sql").first
    statement.click()
    assert page.evaluate("getSelection().toString()").strip() == statement.inner_text().strip()


@pytest.mark.parametrize("name", ["real", "failed", "empty"])
def test_the_first_screen_shows_the_head_and_the_title_of_every_part(
    look: Callable[[str, int, str], Seen], name: str
) -> None:
    page = look(name, 1280, "light").page
    page.set_viewport_size({"width": 1280, "height": 800})
    titles = page.locator("section > details > summary")
    assert titles.count() == 7
    for title in titles.all():
        box = title.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 800
    assert page.locator("header dl").is_visible()


def test_a_folded_page_is_three_screens_at_most_however_much_was_found(
    look: Callable[[str, int, str], Seen], browser: Browser, tmp_path: Path
) -> None:
    many = tuple(finding(f"rule_{n % 30}", name=f"public.t{n // 4}.c{n}") for n in range(2000))
    written = reports.write(
        reports.build(replace(promoted(), checked=checked(*many)), audited(), NOW), tmp_path
    )
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(written.page.as_uri())
    assert height(page) <= 3 * 800
    unfold(page)
    assert height(page) > 50 * 800
    page.close()


def test_what_is_folded_is_printed(look: Callable[[str, int, str], Seen]) -> None:
    page = look("real", 1200, "light").page
    folded = page.locator("#findings pre.sql, #manifest dd, #changes td, #repair pre.sql")
    assert folded.count() > 20
    assert not any(each.is_visible() for each in folded.all())
    on_screen = height(page)
    page.emulate_media(media="print")
    assert all(each.is_visible() for each in folded.all())
    assert height(page) > 2 * on_screen


def test_what_is_folded_is_found_by_the_search_of_the_browser(
    look: Callable[[str, int, str], Seen], pages: dict[str, Path]
) -> None:
    page = look("real", 1200, "light").page
    wanted = page.locator("#manifest details > h3", has_text="Entries")
    assert not wanted.is_visible()
    page.goto("about:blank")
    page.goto(f"{pages['real'].as_uri()}#:~:text=Source%27s%20size")
    page.locator("#manifest details[open]").wait_for()
    assert wanted.is_visible()
    assert page.locator("#findings > details[open]").count() == 0
