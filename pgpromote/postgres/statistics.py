"""Give the planner statistics of a new database, so that its first queries are as fast as the old one's."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

from psycopg.sql import SQL, Composed, Identifier

from pgpromote.postgres import sql
from pgpromote.postgres.server import Database, connect


def gather(target: Database, promotion: str, *, jobs: int | None = None) -> None:
    """Analyze every table with `jobs` connections, the largest first, partitions with their parent.

    `jobs` is `target.connections()` when None. Raises ConnectionFailed, SessionFailed.
    """
    jobs = jobs or target.connections()
    with connect(target, promotion, autocommit=True) as session:
        tables = session.execute(sql.read("catalog/analyzed")).fetchall()
    waiting = deque(SQL("ANALYZE {}").format(Identifier(str(schema), str(name))) for schema, name in tables)
    with ThreadPoolExecutor(jobs) as threads:
        try:
            for done in [threads.submit(_work, target, promotion, waiting) for _ in range(jobs)]:
                done.result()
        except BaseException:
            waiting.clear()
            raise


def _work(target: Database, promotion: str, waiting: deque[Composed]) -> None:
    with connect(target, promotion, autocommit=True) as session:
        while waiting:
            try:
                statement = waiting.popleft()
            except IndexError:  # another connection took the last one
                return
            session.execute(statement)
