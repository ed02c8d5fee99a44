"""The resource that gives each Dagster run its `Run`."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import dagster as dg

from pgpromote import run as runs
from pgpromote.promotion import Promotion
from pgpromote.run import Run


@dataclass
class Walk:
    """One Dagster run's walk through the steps, and what its last step says of the asset."""

    run: Run
    described: dict[str, dg.MetadataValue] = field(default_factory=dict)


def run_resource(promotion: Promotion) -> dg.ResourceDefinition:
    """Build the resource of one promotion. Nothing secret is in its configuration."""

    @dg.resource(description=f"The promotion {promotion.name}: databases, archive, lock.")
    def walk(context: dg.InitResourceContext) -> Iterator[Walk]:
        with runs.start(promotion, context.run.run_id if context.run else "no-run") as run:
            yield Walk(run)

    return walk
