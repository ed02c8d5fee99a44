"""What a run holds: its promotion, its name on the servers, and the lock on prod."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from pgpromote.postgres import shadow as shadows
from pgpromote.postgres.model import Clearance
from pgpromote.postgres.repair import Repair
from pgpromote.postgres.server import Database, promotion_lock
from pgpromote.postgres.shadow import Shadow
from pgpromote.promotion import Promotion


@dataclass
class Run:
    """One Dagster run of a promotion. The lock, once taken, is held until the run ends.

    The rest is kept for later steps, which run in the same process: the shadow database, and what the last
    step says of the asset. A shadow that was not swapped in is dropped when the run ends.
    """

    promotion: Promotion
    run_id: str
    stack: ExitStack = field(repr=False)
    locked: bool = False
    shadow: Shadow | None = None
    repaired: Repair | None = None
    described: dict[str, dg.MetadataValue] = field(default_factory=dict)

    def lock(self) -> None:
        """Take the promotion lock if this run does not hold it yet. Raises Busy."""
        if not self.locked:
            target, database = self.promotion.target(), self.promotion.lock_database
            self.stack.enter_context(promotion_lock(target, self.run_id, database))
            self.locked = True

    def keep(self, shadow: Shadow) -> None:
        """Restore into this shadow database from now on, and drop it when the run ends without a swap."""
        self.shadow = shadow
        target, agreed = self.promotion.target(), self.promotion.lock_database
        self.stack.callback(shadows.drop, target, shadow.name, self.run_id, agreed=agreed)

    def database(self) -> Database:
        """Return the database that is restored: the shadow, or prod itself."""
        target = self.promotion.target()
        return self.shadow.at(target) if self.shadow else target

    def into(self, clearance: Clearance) -> Clearance:
        """Return the clearance for the database that is restored."""
        return clearance.into(self.database().label, self.shadow.oid) if self.shadow else clearance

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
