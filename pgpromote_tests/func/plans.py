"""A plan without the preflight, and the names in it."""

import re

from pgpromote.postgres.archives import selection
from pgpromote.postgres.losses import plan
from pgpromote.postgres.model import EVERYTHING, Clearance, Filters
from pgpromote.postgres.strategy import SWAP, Strategy
from pgpromote_tests.func.command_line import Sample

ONLY = re.compile(r"(.*) is only in prod; it would be lost(.*)\.")
PLAIN = "CREATE TABLE items (id int PRIMARY KEY, note text); CREATE TABLE other (id int PRIMARY KEY);"


def cleared(sample: Sample, *, strategy: Strategy = SWAP, filters: Filters = EVERYTHING) -> Clearance:
    """Return clearance for an archive without looking at prod, which the preflight does."""
    return Clearance(
        path=sample.path,
        sha256=sample.manifest.sha256,
        archive=selection.select(sample.archive, filters),
        strategy=strategy,
        target="prod",
        target_oid=0,
        filters=filters,
        create_extensions=(),
        make_room=(),
    )


def only_in_prod(found: plan.Plan) -> set[str]:
    """Return the objects that the plan lists as only in prod."""
    matches = (ONLY.fullmatch(finding.message) for finding in found.losses)
    return {match[1] for match in matches if match}


def messages(found: plan.Plan) -> list[str]:
    assert {finding.rule for finding in found.losses} <= {plan.RULE}
    return [finding.message for finding in found.losses]
