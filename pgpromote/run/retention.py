"""Retention of earlier contents of prod: databases on its server, safety archives on this machine."""

from pgpromote.postgres.archives import safety
from pgpromote.postgres.databases import previous
from pgpromote.postgres.model import Ref
from pgpromote.promotion import Promotion
from pgpromote.run.options import Options
from pgpromote.run.state import Kept


def retain(promotion: Promotion, run_id: str, taken: Ref | None) -> Kept:
    """Drop previous databases and safety archives beyond those to keep; never the one just `taken`."""
    place = promotion.place(run_id)
    keep, min_age = promotion.keep, promotion.keep_after
    databases = previous.retain(place, keep=keep, min_age=min_age)
    archives = safety.retain(
        promotion.safety_dir,
        place.target.name,
        keep,
        promotion.keep_for,
        databases.at,
        min_age=min_age,
        taken=taken,
        store=promotion.store,
    )
    return Kept((*databases.dropped, *archives), databases.findings)


def beyond(promotion: Promotion, run_id: str, options: Options) -> tuple[str, ...]:
    """Return the names that `retain` would drop after a run with these options. Raises ConnectionFailed."""
    place = promotion.place(run_id)
    keep, min_age = promotion.keep, promotion.keep_after
    swapped = options.strategy.beside
    databases = previous.beyond(place, keep=keep, min_age=min_age, swapped=swapped)
    archives = safety.beyond(
        promotion.safety_dir,
        place.target.name,
        keep,
        promotion.keep_for,
        place.now(),
        min_age=min_age,
        entering=not options.strategy.beside and options.safety_archive,
        store=promotion.store,
    )
    return (*databases, *archives)
