"""What is kept of what prod was: databases on its server, safety archives on this machine."""

from pgpromote.options import Options
from pgpromote.postgres import previous, safety
from pgpromote.postgres.model import Ref
from pgpromote.postgres.server import now
from pgpromote.promotion import Promotion
from pgpromote.record import Kept


def retain(promotion: Promotion, run_id: str, taken: Ref | None) -> Kept:
    """Drop previous databases and safety archives beyond what is to be kept; never the one just `taken`."""
    target, agreed = promotion.target(), promotion.lock_database
    keep, min_age = promotion.keep, promotion.keep_after
    databases = previous.retain(target, run_id, keep=keep, min_age=min_age, agreed=agreed)
    archives = safety.retain(
        promotion.safety_dir,
        target.name,
        keep,
        promotion.keep_for,
        now(target.at(agreed), run_id),
        min_age=min_age,
        taken=taken,
        store=promotion.store,
    )
    return Kept((*databases.dropped, *archives), databases.findings)


def beyond(promotion: Promotion, run_id: str, options: Options) -> tuple[str, ...]:
    """Name what `retain` would drop after a promotion with these options. Raises ConnectionFailed."""
    target, agreed = promotion.target(), promotion.lock_database
    keep, min_age = promotion.keep, promotion.keep_after
    swapped = not options.in_place
    databases = previous.beyond(target, run_id, keep=keep, min_age=min_age, swapped=swapped, agreed=agreed)
    archives = safety.beyond(
        promotion.safety_dir,
        target.name,
        keep,
        promotion.keep_for,
        now(target.at(agreed), run_id),
        min_age=min_age,
        entering=options.in_place and options.safety_archive,
        store=promotion.store,
    )
    return (*databases, *archives)
