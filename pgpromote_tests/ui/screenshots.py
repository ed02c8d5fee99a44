"""Make the screenshots of the README: `python -m pgpromote_tests.ui.screenshots`."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from pgpromote_tests.services import CHECKOUT
from pgpromote_tests.ui import stage as ui
from pgpromote_tests.ui.stage import Stage

DOCS = CHECKOUT / "docs"


def main() -> None:
    """Promote twice, so that prod has a yesterday, let a third run fail, and save pictures of the UI."""
    with tempfile.TemporaryDirectory() as directory, ui.opened(Path(directory)) as stage:
        for _ in range(2):
            assert stage.dagster.ended(stage.dagster.launch("refresh_prod")) == "SUCCESS"
        with kept(stage, "lineage") as page:
            show_lineage(page)
        with kept(stage, "prod_schema") as page:
            page.goto("/assets/prod_schema?view=events")
            ui.row(page, "summary").wait_for()
        with kept(stage, "checks") as page:
            page.goto("/assets/prod_schema?view=checks")
            page.get_by_text("Passed", exact=True).wait_for()
        with kept(stage, "report") as page:  # the newest: its name begins with its time
            page.goto(max((stage.dagster.directory / "data" / "reports").glob("*.html")).as_uri())
        failed = stage.launch_failing()
        assert stage.dagster.ended(failed) == "FAILURE"
        with kept(stage, "failed_run") as page:
            ui.open_failed_step(page, failed, "prod_schema.parallel_restore").wait_for()


@contextmanager
def kept(stage: Stage, name: str) -> Iterator[Page]:
    """Open a tab, and save a picture of it at the end."""
    with stage.page() as page:
        yield page
        page.mouse.move(0, 0)  # so that nothing is shown for the pointer
        page.screenshot(path=DOCS / f"{name}.png", animations="disabled")


def show_lineage(page: Page) -> None:
    """Show the graph with the room of the hidden navigation, once it knows the state of every asset."""
    ui.open_lineage(page)
    page.get_by_role("button", name="Hide navigation").click()
    page.reload()  # so that the graph fits its new frame
    for asset in ("dev_dump_archive", "prod_schema", "promotion_report"):
        ui.in_sidebar(page, asset, "run_success").wait_for()
    expect(page.locator("svg foreignObject").filter(has_text="promotion_report")).to_be_visible()


if __name__ == "__main__":
    main()
