"""The login that builds the database beside prod: our own, or a separate one as which dev's code runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pgpromote.postgres import prove
from pgpromote.postgres.keys import index_keys
from pgpromote.postgres.loading import checkpoints, restore, statistics
from pgpromote.postgres.loading.restore import Restored
from pgpromote.postgres.loading.views import Filled
from pgpromote.postgres.model import Clearance, Finding, Policy, Statement
from pgpromote.postgres.place import Place
from pgpromote.postgres.rights import build_login, carry
from pgpromote.postgres.rights.build_login import Builder
from pgpromote.postgres.rights.carry import Rights
from pgpromote.postgres.server import Database
from pgpromote.postgres.tools import OnLine, Tools
from pgpromote.run.options import Options


@dataclass(frozen=True)
class Ended:
    """The findings when a build login has ended: of statistics and keys of indexes, and of sequences."""

    told: tuple[Finding, ...]
    lagging: tuple[Finding, ...]


@dataclass
class Build:
    """The building of one shadow. Without a separate login, the parts that concern one do nothing.

    `bound` are the statements that revoke the permissions the login had while it built.
    """

    clearance: Clearance
    shadow: Database
    builder: Builder | None
    run_id: str
    bound: Sequence[Statement] = ()

    @property
    def database(self) -> Database:
        """The shadow, reached by the login that builds it."""
        return self.builder.at(self.shadow) if self.builder else self.shadow

    def like(self, database: Database) -> Database:
        """Prepare another new database for the same login, and return it as reached by that login.

        Its extensions are created before: who creates one is its owner for ever.
        """
        if self.builder is None:
            return database
        restore.create_extensions(self.clearance, database, self.run_id)
        build_login.give(database, self.builder, self.run_id)
        return self.builder.at(database)

    def load(self, cleared: Clearance, tools: list[Tools], jobs: int | None, on_line: OnLine) -> Restored:
        """Restore the archive, except the filling of materialized views. Raises as `restore.restore`."""
        with checkpoints.forced(self.shadow, self.run_id):
            restored = restore.restore(
                cleared,
                self.database,
                tools,
                self.run_id,
                jobs=jobs,
                keeper=self.shadow,
                on_line=on_line,
            )
        if self.builder:
            self.bound = build_login.free(self.database, self.run_id)
        return restored

    def fill(self, tools: list[Tools], jobs: int | None, *, demanded: bool) -> Filled:
        """Fill the materialized views. Raises as `restore.fill_materialized_views`."""
        with checkpoints.forced(self.shadow, self.run_id):
            return restore.fill_materialized_views(
                self.clearance, self.database, tools, self.run_id, jobs=jobs, demanded=demanded
            )

    def end(
        self, wanted: Callable[[], Rights], prod: str, options: Options, fill: Callable[[], None]
    ) -> Ended | None:
        """Finish all work that calls dev's code, then take the shadow back; return the findings.

        `wanted` reads the rights of prod. Return None, and do nothing, without a separate login. Raises
        PgpromoteError of any part.
        """
        if self.builder is None:
            return None
        fill()
        jobs = options.jobs
        role, owners = self.builder.role, self._owners(wanted())
        told = statistics.gather(self.database, self.run_id, jobs=jobs, of=role)
        told += statistics.gather(self.shadow, self.run_id, jobs=jobs, but=role)
        keys = index_keys.prove(self.clearance, prod, self.database, self.run_id, owners=owners)
        demand = prove.Demand(repaired=options.repair, exclude=options.repair_exclude)
        lagging = prove.sequences(self.clearance, self.database, self.run_id, demand)
        build_login.bind(self.database, self.run_id, self.bound)
        build_login.take_back(self.shadow, self.builder, self.run_id)
        return Ended(told + keys, lagging)

    def settle(self, prod: str, jobs: int | None) -> tuple[Finding, ...]:
        """Gather statistics of the restored tables, and compare the keys of indexes, unless `end` has."""
        if self.builder:
            return ()
        told = statistics.gather(self.shadow, self.run_id, jobs=jobs, among=self._filled())
        return told + index_keys.prove(self.clearance, prod, self.shadow, self.run_id)

    def _filled(self) -> frozenset[tuple[str, str]] | None:
        """Return the tables and views that the archive fills, in place; None for all."""
        archive = self.clearance.archive
        if self.clearance.strategy.beside or not archive.listed:
            return None
        filled = archive.of_kind("TABLE DATA", "MATERIALIZED VIEW DATA")
        return frozenset((entry.schema, entry.tag) for entry in filled)

    def left(self) -> tuple[Finding, ...]:
        """Return findings for all that the login still owns, may or does in the shadow."""
        return build_login.prove_gone(self.shadow, self.builder, self.run_id) if self.builder else ()

    def _owners(self, wanted: Rights) -> dict[str, str]:
        owners = carry.owners(wanted, self.shadow, self.run_id, self.clearance.rights)
        if self.clearance.rights is Policy.SOURCE:
            brought = self.clearance.archive.of_kind("TABLE", "MATERIALIZED VIEW")
            owners |= {entry.name: entry.owner for entry in brought if entry.owner}
        return owners


def begin(clearance: Clearance, database: Database, login: Database | None, place: Place) -> Build:
    """Create the archive's extensions in a database, and let the login build in it.

    The login must be able to log in to the database where promotions meet.
    """
    restore.create_extensions(clearance, database, place.run_id)
    builder = build_login.log_in(login, place) if login else None
    if builder:
        build_login.give(database, builder, place.run_id)
    return Build(clearance, database, builder, place.run_id)
