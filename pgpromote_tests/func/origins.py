"""Promotions beside each other, and the findings of the check on the origin of an archive."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pgpromote.postgres.archives import archive
from pgpromote.postgres.dump import dump as dump_as
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.model import Finding, Severity
from pgpromote.promotion import SOURCE, Promotion
from pgpromote.run.check import look
from pgpromote.run.steps import promote
from pgpromote.settings import from_environment
from pgpromote_tests.func.walks import Stage, stage
from pgpromote_tests.servers import Server

RULE = "archive_is_ours"
OURS = "CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1)"
THEIRS = "CREATE TABLE bills (id int PRIMARY KEY); INSERT INTO bills VALUES (1), (2)"
# What a manifest of the version before does not have.
NEW_FIELDS = ("run_id", "source_database", "source_oid")


@dataclass(frozen=True)
class Two:
    """Our promotion, and another of the same two servers with the same dump directory."""

    ours: Stage
    theirs: Stage

    def delivered(self, path: Path) -> Path:
        """Dump theirs, and put it at the path of ours; return that path."""
        dump(self.theirs.promotion)
        own = self.theirs.promotion.archive_path
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(archive.manifest_path(own), archive.manifest_path(path))
        return Path(shutil.copy(own, path))


def dump(promotion: Promotion) -> None:
    dump_as(promotion.source(), promotion.archive_path, promotion.tools(), "r1", name=promotion.name)


def named(staged: Stage, name: str, **settings: str) -> Stage:
    # Whose an archive is, is the question here, and not what it brings.
    settings = {"PGPROMOTE_NAME": name, "PGPROMOTE_ACCEPT_LOSS": "all", **settings}
    return replace(staged, promotion=from_environment({**staged.promotion.environment, **settings}))


def without_dev(staged: Stage) -> Stage:
    return named(staged, staged.promotion.name, **{SOURCE: ""})


def said(staged: Stage, **options: object) -> list[Finding]:
    with staged.walk(**options) as run:
        return [
            found for found in look(run.promotion, run.options, run.run_id).findings if found.rule == RULE
        ]


def refused(staged: Stage, **options: object) -> list[Finding]:
    """Check that a promotion is refused by this rule alone, and that prod stays."""
    with staged.untouched(), pytest.raises(Refused) as refusal, staged.walk(**options) as run:
        promote(run)
    errors = [found for found in refusal.value.findings if found.severity is Severity.ERROR]
    assert {found.rule for found in errors} == {RULE}
    return errors


def promoted(staged: Stage, **options: object) -> list[Severity]:
    """Promote, and return the severities of this rule's findings."""
    with staged.walk(**options) as run:
        promote(run)
        assert run.state.checked
        return [found.severity for found in run.state.checked.of(RULE)]


def of_the_version_before(path: Path) -> None:
    """Remove from the manifest the fields that the version before did not write."""
    manifest = archive.manifest_path(path)
    told = json.loads(manifest.read_text())
    told = {key: value for key, value in told.items() if key not in NEW_FIELDS} | {"promotion": "5d0f"}
    manifest.write_text(json.dumps(told))


def two_of(dev: Server, prod: Server, directory: Path) -> Two:
    """Make two promotions of the same servers and dump directory."""
    ours, theirs = stage(dev, prod, directory, OURS, OURS), stage(dev, prod, directory, THEIRS, THEIRS)
    return Two(named(ours, "shop"), named(theirs, "billing"))
