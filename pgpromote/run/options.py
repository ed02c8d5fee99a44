"""The options of one run of a promotion, chosen by a person."""

from dataclasses import dataclass, replace

from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.model import EVERYTHING, Filters, Foreign, Policy, Ref
from pgpromote.postgres.rows.compare import EXACT
from pgpromote.postgres.strategy import SWAP, Strategy


@dataclass(frozen=True)
class Options:
    """The options of one run; the defaults promote without any input.

    `archive_path` is the promotion's own when None, `jobs` the number that keeps prod's server busy.
    `expect_plan` is the fingerprint of prod and archive in a plan, "" for any; `sha256` is that of the file
    which the run was asked for, likewise. `way_back`: an earlier prod comes back, even if some of it could
    not be built there any more. `adopt`: an archive without a manifest is adopted first. `despite_hold`: a
    person goes on although a rollback has put prod on hold. `accept_loss` are patterns of tables that dev may
    have emptied; `all` for any. `restore_as_superuser` lets code of dev run as one.
    """

    archive_path: Ref | None = None
    strategy: Strategy = SWAP
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


DEFAULTS = Options()


def rehearsing(options: Options) -> Options:
    """Return the options of a rehearsal, which a hold does not stop. Raises ConfigError for one in place."""
    if not options.strategy.beside:
        raise ConfigError(
            f"The strategy {options.strategy} changes prod itself, so it cannot be rehearsed.",
            "Rehearse the strategy swap.",
        )
    return replace(options, despite_hold=True)


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
