"""What a person sees and clicks in Dagster's UI, in a real browser: in the order in which they would."""

import re
from pathlib import Path

import psycopg
from playwright.sync_api import Page, expect

from pgpromote.defs.audits import AUDITS
from pgpromote.defs.report import REPORT
from pgpromote.postgres import prove
from pgpromote.postgres.checks import rules
from pgpromote.postgres.errors import ProdState
from pgpromote.postgres.losses import plan
from pgpromote_tests.services import tools_of, until
from pgpromote_tests.ui import stage as ui
from pgpromote_tests.ui.stage import Stage, in_sidebar, row

ASSETS = (
    "dev_database",
    "dev_dump_archive",
    "prod_schema",
    "primary_key_audit",
    "not_null_audit",
    "prod_audit",
    "promotion_report",
    "sql_dump",
)


def test_the_lineage_graph_shows_every_asset_by_name(page: Page) -> None:
    nodes = ui.open_lineage(page)
    for asset in ASSETS:
        expect(nodes.get_by_text(asset, exact=True)).to_be_visible()


def test_prod_is_promoted_by_clicking_it_in_the_graph(stage: Stage, page: Page, promoted: str) -> None:
    ui.open_lineage(page)
    for asset in ("dev_dump_archive", "prod_schema"):
        expect(in_sidebar(page, asset, "run_success")).to_be_visible()
    with psycopg.connect(stage.url("prod", "auction_prod")) as session:
        assert session.execute("SELECT count(*) FROM public.auctions").fetchall() == [(600,)]


def test_the_sensor_is_on_once_it_is_clicked(page: Page, arrived: Path) -> None:
    page.goto("/locations/pgpromote/sensors/new_dump_sensor")
    expect(row(page, "Running").get_by_role("checkbox")).to_be_checked()


def test_the_page_of_prod_tells_what_was_done_and_how_to_go_back(
    stage: Stage, page: Page, promoted: str
) -> None:
    page.goto("/assets/prod_schema")
    previous = row(page, "previous database").get_by_role("cell").last.inner_text()
    summary = row(page, "summary")
    for told in ("auction_dev on", "auction_prod on", "auction_dev.dump", "Proven: ", previous):
        expect(summary).to_contain_text(told)
    expect(row(page, "back with")).to_contain_text("pgpromote rollback, or the job rollback_prod")
    assert float(row(page, "gap (ms)").get_by_role("cell").last.inner_text()) > 0
    with psycopg.connect(stage.url("prod", previous)) as session:  # it is there, under this name
        assert session.execute("SELECT FROM pg_class WHERE relname = 'auctions'").fetchall() == []


def test_the_schedule_shows_its_next_tick_once_it_is_turned_on(page: Page) -> None:
    page.goto("/locations/pgpromote/schedules/nightly_refresh")
    expect(row(page, "Latest tick")).to_be_visible()
    expect(row(page, "Next tick")).to_have_count(0)
    ui.switch(page).click()
    expect(row(page, "Next tick")).to_contain_text(re.compile(r"\d, 2:00:00 AM UTC"))


def test_a_failed_run_tells_what_failed_and_that_prod_is_untouched(page: Page, failed: str) -> None:
    told = ui.open_failed_step(page, failed, "prod_schema.parallel_restore")
    for part in ("bids", 'relation "limits" does not exist'):
        expect(told).to_contain_text(part)
    expect(told).to_contain_text(f"Failed: {ProdState.UNTOUCHED}")


def test_an_archive_that_lands_makes_a_run_once_the_sensor_is_turned_on(page: Page, restored: str) -> None:
    page.goto(f"/runs/{restored}")
    expect(page.get_by_role("link", name="restore_prod")).to_be_visible()
    expect(page.get_by_text("new_dump_sensor").first).to_be_visible()


def test_every_check_of_prod_is_green_by_its_name(page: Page, restored: str) -> None:
    """On the second promotion: the first one says what is new on prod."""
    names = (*rules.RULES, plan.RULE, *prove.RULES)
    # The page draws only the checks that fit.
    page.set_viewport_size({"width": 1400, "height": 1000 + 50 * len(names)})
    page.goto("/assets/prod_schema?view=checks")
    for name in names:
        told = re.compile(f"^({name})+Succeeded$")  # the page holds a name twice, to measure its width
        expect(page.locator("div").filter(has_text=told).first).to_be_visible()


def test_a_check_that_passed_shows_the_numbers_it_has_compared(page: Page, restored: str) -> None:
    page.goto("/assets/prod_schema?view=checks&checkDetail=contents")
    expect(row(page, "proven")).to_contain_text("rows and hashes equal to what was dumped")


def test_a_run_that_is_terminated_by_a_click_tells_that_prod_is_untouched(stage: Stage, page: Page) -> None:
    with psycopg.connect(stage.url("dev", "auction_dev")) as session:
        session.execute("LOCK TABLE public.auctions")
        run = stage.dagster.launch("refresh_prod")
        until(lambda: tools_of(run), "a dump that waits for the table")
        page.goto(f"/runs/{run}")
        page.get_by_role("button", name="Terminate").click()
        page.get_by_role("dialog").get_by_role("button", name=re.compile("Terminate")).click()
        assert stage.dagster.ended(run) == "CANCELED"
    page.goto(f"/runs/{run}")
    expect(page.get_by_text(f"Terminated: {ProdState.UNTOUCHED}").first).to_be_visible()
    expect(page.get_by_text("Stack Trace")).to_have_count(0)


def test_what_a_click_does_is_said_where_it_is_clicked(stage: Stage, page: Page) -> None:
    page.goto("/assets/prod_schema")
    expect(page.get_by_text("Materialize replaces prod, the database auction_prod")).to_be_visible()


def test_a_refused_run_tells_first_that_prod_is_untouched_and_then_why(page: Page, refused: str) -> None:
    told = ui.open_failed_step(page, refused, "prod_schema.check_extensions")
    expect(told).to_contain_text(f"Failed: {ProdState.UNTOUCHED}")
    expect(told).to_contain_text("[plausible] public.bids held")
    expect(told).to_contain_text('`ops: {prod_schema: {config: {accept_loss: ["public.bids')
    expect(told).to_contain_text("in the launchpad")
    expect(told).to_contain_text(f"{refused}.html")
    page.goto("/runs")
    expect(page.get_by_text("pgpromote/outcome: refused").first).to_be_visible()


def test_a_refused_run_shows_one_red_check_and_no_red_audit(page: Page, refused: str) -> None:
    ui.open_lineage(page)
    for asset in (*AUDITS, REPORT):
        expect(in_sidebar(page, asset, "run_success")).to_be_visible()
    names = (*rules.RULES, plan.RULE, *prove.RULES)
    page.set_viewport_size({"width": 1400, "height": 1000 + 50 * len(names)})
    page.goto("/assets/prod_schema?view=checks&checkDetail=plausible")
    expect(page.get_by_text("Nothing was promoted. Prod is untouched.")).to_be_visible()
    expect(page.get_by_text("Not Evaluated").first).to_be_visible()
    # The one in the list, and beside it; and the losses, whose severity is a warning.
    for text, count in (("Execution failed", 0), ("Failed", 3)):
        expect(page.get_by_text(text, exact=True)).to_have_count(count)


def test_the_line_of_a_refusal_is_pasted_into_the_launchpad(stage: Stage, page: Page, refused: str) -> None:
    told = ui.open_failed_step(page, refused, "prod_schema.check_extensions").inner_text()
    (line,) = {found[1] for found in re.finditer("`(ops: [^`]*)` in the launchpad", told)}
    ui.launch(page, "refresh_prod", line)
    with psycopg.connect(stage.url("prod", "auction_prod")) as session:
        assert session.execute("SELECT count(*) FROM public.bids").fetchall() == [(0,)]


def test_a_rollback_by_a_click_puts_prod_on_hold_until_it_is_resumed_by_one(stage: Stage, page: Page) -> None:
    ui.launch(page, "rollback_prod")
    with psycopg.connect(stage.url("prod", "auction_prod")) as session:
        assert session.execute("SELECT count(*) > 0 FROM public.bids").fetchall() == [(True,)]
    page.goto("/assets/prod_schema?view=checks&checkDetail=not_on_hold")
    expect(page.get_by_text("Nothing is promoted until it is resumed.").first).to_be_visible()
    expect(row(page, "error").last).to_contain_text("the job `resume_prod`")
    page.goto("/assets/prod_schema")
    expect(row(page, "summary")).to_contain_text("Rolled back: auction_prod on")
    page.goto("/runs")
    expect(page.get_by_text("pgpromote/outcome: rolled back").first).to_be_visible()

    ui.launch(page, "resume_prod")
    page.goto("/assets/prod_schema?view=checks&checkDetail=not_on_hold")
    expect(page.get_by_text("Passed", exact=True)).to_be_visible()
