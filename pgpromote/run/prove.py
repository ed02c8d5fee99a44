"""Repair keys, fill views, prove the restored database, and give it prod's owners and grants.

In this order: afterwards we may not be allowed to read everything any more. Statistics and keys of indexes
come last, with the rights of the owners. A separate build login has done with both before anything is
compared.
"""

from dataclasses import replace

from pgpromote.postgres import prove as proofs
from pgpromote.postgres.keys import repair as repairs
from pgpromote.postgres.losses import counts
from pgpromote.postgres.model import Finding, Statement
from pgpromote.postgres.rights import carry as rights
from pgpromote.postgres.rights import handover
from pgpromote.postgres.rights.carry import Rights
from pgpromote.run.run import Run, needed
from pgpromote.run.scratch import rewriter
from pgpromote.run.state import Carried, State


def repair(run: Run) -> State:
    """Repair primary-key identities, or only plan it."""
    options, beside = run.options, run.options.strategy.beside
    repaired = repairs.repair(
        run.builder, run.run_id, exclude=options.repair_exclude, really=options.repair, alone=beside
    )
    return replace(run.state, repair=repaired)


def fill(run: Run) -> State:
    """Fill the materialized views."""
    build, restored = needed(run.build), needed(run.state.restored)
    filled = build.fill(run.tools, run.options.jobs, demanded=not run.options.way_back)
    return replace(run.state, restored=replace(restored, filled=filled))


def prove(run: Run) -> State:
    """Compare objects and rows with the archive, and count them. Raises NotProven."""
    clearance, options, build = needed(run.clearance), run.options, needed(run.build)
    ended = build.end(rights_of_prod(run), run.target.name, options, run.within)
    made = run.state.repair if options.repair else None
    proof = proofs.prove(
        clearance,
        clearance.manifest,
        run.database,
        run.run_id,
        options.proof,
        available=run.tools,
        rewrite=rewriter(clearance, run.place, run.tools, ready=build.like),
        repaired=options.repair,
        identities=made.identities if made else (),
        exclude=options.repair_exclude,
        filled=not options.way_back,
        meanwhile=(lambda: None) if ended else run.within,
        lagging=ended.lagging if ended else None,
    )
    filled = run.state.restored.filled.findings if run.state.restored else ()
    counted = {table.table: table.restored for table in proof.compared}
    after = counts.read(run.database, run.run_id, counted)
    run.keep(replace(run.state, after=after))
    return _proven(run, proof, *filled, *(ended.told if ended else ()))


def carry(run: Run) -> State:
    """Give the restored database prod's owners and grants, or dev's, and compare every right.

    Raises NotProven.
    """
    clearance, wanted, policy = needed(run.clearance), rights_of_prod(run), run.options.rights
    statements = list[Statement]()

    def keep(statement: Statement) -> None:
        statements.append(statement)
        run.on_line(statement.sql)

    told = rights.take_over(wanted, run.database, run.run_id, policy, keep)
    handover.give(clearance, run.database, run.tools, run.run_id, keep)
    run.keep(replace(run.state, carried=Carried(tuple(statements))))
    return _proven(run, needed(run.state.proof), *told, *moved(run, wanted))


def analyze(run: Run) -> State:
    """Gather statistics, compare the keys of indexes, and check that the archive is still the same file.

    Raises NotProven.
    """
    proof, build = needed(run.state.proof), needed(run.build)
    built = build.settle(run.target.name, run.options.jobs)
    return _proven(run, proof, *built, *proofs.unchanged(needed(run.clearance)))


def rights_of_prod(run: Run) -> Rights:
    """Read prod's rights; in place, return those from before anything was changed."""
    return run.rights or rights.read(run.target, run.run_id)


def moved(run: Run, wanted: Rights) -> tuple[Finding, ...]:
    """Return findings for rights that differ from those wanted, and for remains of the build login."""
    found = rights.prove(wanted, run.database, run.run_id, run.options.rights)
    return found + needed(run.build).left()


def _proven(run: Run, proof: proofs.Proof, *findings: Finding) -> State:
    """Keep a proof with more findings. Raises NotProven when one of them contradicts the proof."""
    told = proof.with_findings(findings)
    if told.errors and not told.of(proofs.UNCHANGED):
        told = told.with_findings(tuple(proofs.unchanged(needed(run.clearance))))
    run.keep(replace(run.state, proof=told))
    told.proven()
    return run.state
