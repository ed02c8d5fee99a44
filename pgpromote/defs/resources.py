"""What a run holds: its promotion, its name on the servers, and the lock on prod."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from pgpromote.postgres.repair import Repair
from pgpromote.postgres.server import promotion_lock
from pgpromote.promotion import Promotion


@dataclass
class Run:
    """One Dagster run of a promotion. The lock, once taken, is held until the run ends.

    `repaired` is kept for the last step, which describes the asset: all steps run in one process.
    """

    promotion: Promotion
    run_id: str
    stack: ExitStack = field(repr=False)
    locked: bool = False
    repaired: Repair | None = None

    def lock(self) -> None:
        """Take the promotion lock if this run does not hold it yet. Raises Busy."""
        if not self.locked:
            target, database = self.promotion.target(), self.promotion.lock_database
            self.stack.enter_context(promotion_lock(target, self.run_id, database))
            self.locked = True

    def archive_path(self, configured: str) -> Path:
        """Return the archive that a person named, else the promotion's own."""
        return Path(configured).absolute() if configured else self.promotion.archive_path


def run_resource(promotion: Promotion) -> dg.ResourceDefinition:
    """Build the resource that gives each run its `Run`. Nothing secret is in its configuration."""

    @dg.resource(description=f"The promotion {promotion.name}: databases, archive, lock.")
    def run(context: dg.InitResourceContext) -> Iterator[Run]:
        with ExitStack() as stack:
            yield Run(promotion, context.run.run_id if context.run else "no-run", stack)

    return run
