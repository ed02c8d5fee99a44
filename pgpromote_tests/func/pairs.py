"""A dev and a prod that are not alike, their promotion, and its findings."""

from collections.abc import Iterable
from pathlib import Path

from pgpromote.postgres import dump
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.checks.preflight import Report
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import parse_url
from pgpromote.postgres.strategy import SWAP
from pgpromote.run.state import Checked
from pgpromote.run.steps import promote
from pgpromote_tests import runs
from pgpromote_tests.func.walks import Stage
from pgpromote_tests.servers import Server


def stage(
    dev: Server, prod: Server, directory: Path, dev_url: str, prod_url: str, *, client: Server
) -> Stage:
    """Set up a promotion with the client programs of one release alone."""
    return Stage(dev, prod, runs.promotion(dev_url, prod_url, directory, client, PATH=""))


def told(findings: Iterable[Finding], rule: str) -> list[tuple[Severity, str]]:
    """Return severity and text of the findings of one rule."""
    return [(f.severity, f"{f.message} {f.hint}") for f in findings if f.rule == rule]


def proven(shop: Stage, **options: object) -> Checked:
    """Promote the dump; check that the proof found nothing worse than information."""
    with shop.walk(**options) as run:
        done = promote(run)
    assert done.proof
    assert [f for f in done.proof.findings if f.severity is not Severity.INFO] == []
    assert done.checked
    return done.checked


def examined(dev: Server, prod: Server, path: Path, script: str, prod_url: str = "") -> Report:
    """Dump a script's objects and check them against prod."""
    tools = [dev.tools(), prod.tools()]
    dump.dump(dev.new_database(script), path, tools, "test")
    target = parse_url(prod_url or prod.new_url(), "PROD_DATABASE_URL")
    return preflight.examine(path, Place(target), tools, Choice(strategy=SWAP, restore_as_superuser=True))
