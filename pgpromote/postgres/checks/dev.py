"""The facts about dev for the checks: it is asked for its identity and its marks alone."""

from dataclasses import dataclass

from pgpromote.postgres import server
from pgpromote.postgres.archives import origin
from pgpromote.postgres.archives.origin import Origin
from pgpromote.postgres.databases import lock, mark
from pgpromote.postgres.errors import ConnectionFailed, PgpromoteError
from pgpromote.postgres.model import ServerVersion
from pgpromote.postgres.server import Database


@dataclass(frozen=True)
class Dev:
    """The facts that are read in one session in dev; None: it could not be asked.

    `came_from` is the origin of its content, where that was promoted; `marked` says that it is prod.
    """

    origin: Origin
    version: ServerVersion | None = None
    marked: bool = False
    same_database: bool | None = None
    came_from: Origin | None = None
    problem: PgpromoteError | None = None


def read(source: Database, target: Database, *, prod_answers: bool) -> Dev:
    """Read dev, if prod answers: it is compared with it. A dev that does not is a problem, not an error."""
    if not prod_answers:
        return Dev(origin.of_source(source))
    try:
        with server.connect(source) as session:
            found = server.identify(session)
            return Dev(
                origin.of_source(source, found),
                found.version,
                mark.is_prod(session),
                lock.same_database(session, target),
                origin.last_promoted(session, found.database),
            )
    except ConnectionFailed as problem:
        return Dev(origin.of_source(source), problem=problem)
