"""A person's choices for one restore, as far as PostgreSQL is concerned."""

from dataclasses import dataclass

from pgpromote.postgres.archives.origin import Expected
from pgpromote.postgres.losses.plausible import Bounds
from pgpromote.postgres.model import EVERYTHING, Filters, Foreign, Policy
from pgpromote.postgres.strategy import CLEAN, Strategy


@dataclass(frozen=True)
class Choice:
    """The way an archive is restored, and the losses that are accepted.

    Losses of a schema reset outside of the schema have to be allowed. Filters limit the restored objects, and
    so the checks. `bring` names the kinds that are not left out although they reach beyond the source's
    database; `allow` the slots and subscriptions of prod that may stay with the previous database, and the
    origins whose archive is accepted. `safety_archive`: prod is dumped before it is changed in place.
    `despite_hold`: a person goes on although a rollback has put prod on hold. `restore_as_superuser` lets the
    archive's code run as one. `bounds` say how much dev may have lost; without them that is not checked.
    `expected` says which archive it has to be, None: any.
    """

    strategy: Strategy = CLEAN
    allow_data_loss_outside: bool = False
    filters: Filters = EVERYTHING
    rights: Policy = Policy.KEEP
    bring: frozenset[Foreign] = frozenset()
    allow: frozenset[str] = frozenset()
    safety_archive: bool = True
    despite_hold: bool = False
    restore_as_superuser: bool = False
    bounds: Bounds | None = None
    expected: Expected | None = None

    @property
    def saves_prod(self) -> bool:
        """Whether prod is dumped before it is changed."""
        return not self.strategy.beside and self.safety_archive

    @property
    def replaces(self) -> bool:
        """Whether objects that prod has are replaced in place."""
        return not self.strategy.empty and not self.filters.data_only


DEFAULT = Choice()
