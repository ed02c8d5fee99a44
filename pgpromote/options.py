"""What a person can choose for one run of a promotion."""

from dataclasses import dataclass
from enum import StrEnum

from pgpromote.postgres.model import EVERYTHING, Filters, Foreign, Policy, Ref
from pgpromote.postgres.rows import EXACT


class Strategy(StrEnum):
    """How the archive becomes prod. All but SWAP are destructive: a failure leaves a mix of old and new."""

    SWAP = "swap"
    CLEAN = "clean"
    RESET_SCHEMA = "reset-schema"


@dataclass(frozen=True)
class Options:
    """What a person can choose for one run; the defaults promote without any input.

    `archive_path` is the promotion's own when None, `jobs` what keeps prod's server busy. `reset_schema`
    counts only for the strategy RESET_SCHEMA. `expect_plan` is the fingerprint of prod that a plan has shown,
    "" for any; `sha256` is the one of the file that the run was asked for, likewise. `way_back`: what prod
    was comes back, whatever could not be built there any more. `adopt`: an archive without a manifest is
    adopted first. `despite_hold`: a person goes on although a rollback has put prod on hold.
    `accept_loss` are patterns of tables that dev may have emptied; `all` for any.
    `restore_as_superuser` lets code of dev run as one.
    """

    archive_path: Ref | None = None
    strategy: Strategy = Strategy.SWAP
    reset_schema: str = "public"
    allow_data_loss_outside: bool = False
    safety_archive: bool = True
    jobs: int | None = None
    filters: Filters = EVERYTHING
    rights: Policy = Policy.KEEP
    bring: tuple[Foreign, ...] = ()
    allow: tuple[str, ...] = ()
    repair: bool = True
    repair_exclude: tuple[str, ...] = ()
    proof: str = EXACT
    expect_plan: str = ""
    way_back: bool = False
    sha256: str = ""
    adopt: bool = False
    despite_hold: bool = False
    accept_loss: tuple[str, ...] = ()
    restore_as_superuser: bool = False

    @property
    def in_place(self) -> bool:
        """Whether prod itself is restored into."""
        return self.strategy is not Strategy.SWAP

    @property
    def schema_to_reset(self) -> str:
        """The schema that is dropped and made again first, "" for none."""
        return self.reset_schema if self.strategy is Strategy.RESET_SCHEMA else ""


DEFAULTS = Options()


def bringing_back(archive_path: Ref, allow: tuple[str, ...]) -> Options:
    """Return the options with which a safety archive of prod is brought back: all of it, as it was."""
    return Options(
        archive_path=archive_path,
        rights=Policy.SOURCE,
        bring=tuple(Foreign),
        allow=allow,
        way_back=True,
        restore_as_superuser=True,  # it ran on prod before
    )
