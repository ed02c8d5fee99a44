"""One start of services and browser for all tests, and the clicks that all of them share."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pgpromote_tests.services import until
from pgpromote_tests.ui import stage as ui
from pgpromote_tests.ui.stage import Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ui.opened(tmp_path_factory.mktemp("ui")) as opened:
        yield opened


@pytest.fixture
def page(stage: Stage) -> Iterator[Page]:
    with stage.page() as page:
        yield page


@pytest.fixture(scope="session")
def promoted(stage: Stage) -> str:
    """Click the archive and prod in the graph, materialize them, watch the run; return its id."""
    with stage.page() as page:
        ui.open_lineage(page)
        ui.in_sidebar(page, "dev_dump_archive").click()
        ui.in_sidebar(page, "prod_schema").click(modifiers=["Shift"])
        page.get_by_role("button", name="Materialize selected (2)").click()
        page.get_by_role("region", name="Notifications").get_by_text("View", exact=True).click()
        page.wait_for_url(re.compile("/runs/"))
        expect(page.get_by_text(re.compile("^(Success|Failure)$"))).to_have_text("Success")
        return page.url.rpartition("/")[2]


@pytest.fixture(scope="session")
def failed(stage: Stage, promoted: str) -> str:
    """Launch a run that fails; return its id."""
    return stage.launch_failing()


@pytest.fixture(scope="session")
def refused(stage: Stage, restored: str) -> str:
    """Launch a promotion of a dev that has lost a table's rows; return its id."""
    run = stage.launch_refused()
    assert stage.dagster.ended(run) == "FAILURE"
    return run


@pytest.fixture(scope="session")
def arrived(stage: Stage, failed: str) -> Path:
    """Turn the sensor on with a click, and drop an archive, as a CI job does; return its path."""
    with stage.page() as page:
        page.goto("/locations/pgpromote/sensors/new_dump_sensor")
        ui.switch(page).click()
        expect(ui.row(page, "Running").get_by_role("checkbox")).to_be_checked()
    until(lambda: stage.dagster.is_on("new_dump_sensor"), "a sensor that is turned on")
    own, path = stage.dumps / "auction_dev.dump", stage.dumps / "from_ci.dump"
    shutil.copy(f"{own}.manifest.json", f"{path}.manifest.json")
    partial = shutil.copy(own, stage.dumps / "from_ci.partial")
    return Path(partial).rename(path)


@pytest.fixture(scope="session")
def restored(stage: Stage, arrived: Path) -> str:
    """Wait for the run that the archive makes, and on the sensor's page for its end; return its id."""
    run = until(lambda: stage.dagster.tagged("pgpromote/archive", arrived.name), f"a run for {arrived.name}")
    with stage.page() as page:
        page.goto("/locations/pgpromote/sensors/new_dump_sensor")
        page.get_by_role("button", name="Runs", exact=True).click()
        page.get_by_role("link", name="View", exact=True).first.click()
        page.wait_for_url(f"**/runs/{run}")
        expect(page.get_by_text(re.compile("^(Success|Failure)$"))).to_have_text("Success")
        return page.url.rpartition("/")[2]
