"""Prove a database that a test has restored, as a run does."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from pgpromote.postgres import prove
from pgpromote.postgres.archives.objects import Rewrite
from pgpromote.postgres.keys.repair import Repair
from pgpromote.postgres.model import Clearance, Manifest
from pgpromote.postgres.place import Place
from pgpromote.postgres.prove import Demand, Proof
from pgpromote.postgres.rows import compare
from pgpromote.postgres.server import Database
from pgpromote.run import scratch
from pgpromote_tests.servers import Server


def rewriting(prod: Server, target: Database, settings: Mapping[str, str]) -> Rewrite:
    """Return the callback that restores definitions once more beside the target."""
    return partial(
        scratch.read_back,
        place=Place(target, "test"),
        available=[prod.tools()],
        settings=settings,
    )


def proof_of(
    prod: Server,
    clearance: Clearance,
    manifest: Manifest | None,
    target: Database,
    mode: str = compare.EXACT,
    *,
    repaired: Repair | None = None,
    behind: bool = True,
    exclude: Sequence[str] = (),
) -> Proof:
    """Prove a restored database; `repaired` are the identities made, `behind` that sequences were to move."""
    demand = Demand(mode, behind, repaired.identities if repaired else (), exclude)
    return prove.prove(
        replace(clearance, manifest=manifest),
        target,
        "test",
        demand,
        available=[prod.tools()],
        rewrite=rewriting(prod, target, dict(clearance.settings)),
    )
