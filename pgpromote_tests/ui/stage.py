"""The demo's services and a browser, for the tests that click and for the screenshots."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from pgpromote.demo import servers
from pgpromote_tests import services
from pgpromote_tests.func.test_up import embedded_url
from pgpromote_tests.services import PATIENCE_SECONDS, Dagster

CHROMIUM = "/usr/bin/chromium"  # Debian's; nothing is downloaded
SIZE = 1400, 900
PATIENCE = PATIENCE_SECONDS * 1000  # in ms
# pg_restore runs with an empty search path, in which the function does not find its table.
FRAGILE = """
    CREATE TABLE limits (name text PRIMARY KEY, amount integer NOT NULL);
    INSERT INTO limits VALUES ('bid', 1000);
    CREATE FUNCTION limit_of(what text) RETURNS integer LANGUAGE sql AS
        'SELECT amount FROM limits WHERE name = what';
    CREATE TABLE bids (id integer PRIMARY KEY, amount integer CHECK (amount <= limit_of('bid')));
    INSERT INTO bids VALUES (1, 10);
"""


@dataclass(frozen=True)
class Stage:
    """A running `pgpromote up` on its own servers, and a browser."""

    dagster: Dagster
    browser: Browser

    @property
    def dumps(self) -> Path:
        return self.dagster.directory / "data" / "postgres" / "auction_dev"

    @contextmanager
    def page(self) -> Iterator[Page]:
        """Open a tab that knows nothing of the others, at the web server's address."""
        context = self.browser.new_context(
            base_url=f"http://127.0.0.1:{self.dagster.port}",
            viewport={"width": SIZE[0], "height": SIZE[1]},
            locale="en-US",
            timezone_id="UTC",
        )
        context.set_default_timeout(PATIENCE)
        yield context.new_page()
        context.close()

    def url(self, server: str, database: str) -> str:
        """Return the URL of a database on the embedded server `dev` or `prod`."""
        return embedded_url(self.dagster.directory, server, database)

    def fragile_archive(self) -> Path:
        """Dump a database that pg_restore cannot bring back, to where no sensor looks."""
        path = self.dagster.directory / "fragile.dump"
        with psycopg.connect(self.url("dev", "postgres"), autocommit=True) as session:
            session.execute("CREATE DATABASE fragile TEMPLATE template0")
        with psycopg.connect(self.url("dev", "fragile")) as session:
            session.execute(FRAGILE)
        command = [str(servers.binaries(16) / "pg_dump"), "--format=custom", f"--file={path}"]
        subprocess.run([*command, f"--dbname={self.url('dev', 'fragile')}"], check=True)
        return path

    def launch_refused(self) -> str:
        """Launch a promotion of a dev that has lost a table's rows; return the run's id."""
        with psycopg.connect(self.url("dev", "auction_dev")) as session:
            session.execute("DELETE FROM public.bids")
        return self.dagster.launch("refresh_prod")

    def launch_failing(self) -> str:
        """Launch a restore that fails in its middle; return the run's id."""
        path = str(self.fragile_archive())
        chosen = {"archive_path": path, "adopt": True, "allow": ["fragile"], "accept_loss": ["all"]}
        config = {"prod_schema": {"config": chosen}}
        return self.dagster.launch("restore_prod", {"ops": config})


@contextmanager
def opened(directory: Path) -> Iterator[Stage]:
    """Start the demo's servers, Dagster and a browser in a new directory; leave nothing of the servers."""
    checkout = services.checkout(directory / "checkout")
    expect.set_options(timeout=PATIENCE)
    # Chromium does not start its sandbox as root, which is what a container is.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    try:
        with services.up(checkout) as dagster, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
            yield Stage(dagster, browser)
            browser.close()
    finally:
        shutil.rmtree(servers.home(checkout))


def open_lineage(page: Page) -> Locator:
    """Open the lineage graph, and return its nodes."""
    page.goto("/asset-groups")
    nodes = page.locator("svg foreignObject")
    expect(nodes.filter(has_text="prod_schema")).to_be_visible()
    return nodes


def in_sidebar(page: Page, asset: str, icon: str = "") -> Locator:
    """Return an asset in the list beside the graph. Its icon is its state, such as run_success."""
    return page.get_by_role("button", name=f"{icon} {asset} {asset}".strip())


def switch(page: Page) -> Locator:
    """Return the switch of a schedule's or sensor's page: its picture is the part that people click."""
    return row(page, "Running").get_by_role("img")


def launch(page: Page, job: str, config: str = "") -> None:
    """Launch a job from its launchpad, with a config that is pasted there, and watch it end well."""
    page.goto(f"/locations/pgpromote/jobs/{job}/playground")
    page.locator(".CodeMirror").click()
    if config:
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.insert_text(config)
    expect(page.get_by_text("No errors")).to_be_visible()
    page.get_by_role("button", name="Launch Run").click()
    page.wait_for_url(re.compile("/runs/[0-9a-f-]{36}"))
    expect(page.get_by_text(re.compile("^(Success|Failure)$"))).to_have_text("Success")


def row(page: Page, key: str) -> Locator:
    """Return the row of a table that begins with a key."""
    return page.get_by_role("row").filter(has=page.get_by_role("cell", name=key, exact=True))


def open_failed_step(page: Page, run: str, step: str) -> Locator:
    """Open a failed run, click the step that failed, and return the event with the reason."""
    page.goto(f"/runs/{run}")
    page.get_by_text("Failure", exact=True).wait_for()
    page.get_by_text(step, exact=True).last.click()
    return page.locator("div").filter(has_text="STEP_FAILURE").filter(has_text=re.compile("^.*Prod is ")).last
