"""A separate login builds: what it makes is proven as ever, and nothing stays that is its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pgpromote.postgres.model import Finding, Policy
from pgpromote.run import Run
from pgpromote_tests.corpus import django, rails, warehouse
from pgpromote_tests.func.build_lab import Build, open_lab
from pgpromote_tests.func.kitchen import KITCHEN_SINK
from pgpromote_tests.runs import contents_of
from pgpromote_tests.servers import Server

SCRIPTS: dict[str, Callable[[], str]] = {
    "kitchen": lambda: KITCHEN_SINK,
    "rails": rails.script,
    "django": django.script,
    "warehouse": warehouse.script,
}
OLD = "CREATE TABLE t (id integer); GRANT SELECT ON t TO PUBLIC; CREATE TABLE users (id integer)"


def told(run: Run) -> list[Finding]:
    """Return what the proof found, in an order of its own."""
    assert run.proof
    return sorted(run.proof.findings, key=lambda finding: (finding.rule, finding.object, finding.message))


@pytest.mark.parametrize("rights", list(Policy))
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_real_schema_is_proven_as_without_it_and_nothing_stays_its_own(
    dev: Server, prod: Server, tmp_path: Path, name: str, rights: Policy
) -> None:
    with open_lab(dev, prod, tmp_path, SCRIPTS[name](), OLD, promoter="BYPASSRLS") as lab:
        with lab.alone().walk(rights=rights) as alone:
            alone.rehearse()
            expected = contents_of(prod, prod.url(alone.database.name))

        built = lab.promote(rights=rights)

        assert told(built) == told(alone)
        assert lab.stage.contents() == expected
        assert lab.left() == {}
