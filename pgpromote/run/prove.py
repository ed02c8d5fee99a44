"""Repair keys, fill views, compare, give prod's owners and grants, gather statistics; then prove.

In this order: once the rights are given we may not be allowed to read everything any more. Statistics and
keys of indexes come last, with the rights of the owners. A separate build login has done with both before
anything is compared. A difference raises only at the end, with all others, and in place not before owners and
grants are back.
"""

from dataclasses import replace

from pgpromote.postgres import prove as proofs
from pgpromote.postgres.keys import repair as repairs
from pgpromote.postgres.losses import counts
from pgpromote.postgres.model import Finding, Statement
from pgpromote.postgres.prove import Demand
from pgpromote.postgres.rights import carry as rights
from pgpromote.postgres.rights import handover
from pgpromote.postgres.rights.carry import Rights
from pgpromote.postgres.rows.reading import Reading
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


def compare(run: Run) -> State:
    """Compare objects and rows with the archive, and count them."""
    clearance, options, build = needed(run.clearance), run.options, needed(run.build)
    ended = build.end(lambda: rights_of_prod(run), run.target.name, options, run.within)
    made = run.state.repair if options.repair else None
    run.reading = Reading()
    demand = Demand(
        mode=options.proof,
        repaired=options.repair,
        identities=made.identities if made else (),
        exclude=options.repair_exclude,
        filled=not options.way_back,
    )
    proof = proofs.prove(
        clearance,
        run.database,
        run.run_id,
        demand,
        available=run.tools,
        rewrite=rewriter(clearance, run.place, run.tools, ready=build.like),
        meanwhile=(lambda: None) if ended else run.within,
        lagging=ended.lagging if ended else None,
        reading=run.reading,
    )
    run.reading = None
    filled = run.state.restored.filled.findings if run.state.restored else ()
    counted = {table.table: table.restored for table in proof.compared}
    after = counts.read(run.database, run.run_id, counted)
    found = (*filled, *(ended.told if ended else ()))
    return replace(run.state, after=after, proof=proof.with_findings(found))


def carry(run: Run) -> State:
    """Give the restored database prod's owners and grants, or dev's, and compare every right."""
    clearance, wanted, policy = needed(run.clearance), rights_of_prod(run), run.options.rights
    statements = list[Statement]()

    def keep(statement: Statement) -> None:
        statements.append(statement)
        run.on_line(statement.sql)

    told = rights.take_over(wanted, run.database, run.run_id, policy, keep)
    handover.give(clearance, run.database, run.tools, run.run_id, keep)
    proof = needed(run.state.proof).with_findings((*told, *moved(run, wanted)))
    return replace(run.state, carried=Carried(tuple(statements)), proof=proof)


def analyze(run: Run) -> State:
    """Gather statistics, and compare the keys of indexes."""
    built = needed(run.build).settle(run.target.name, run.options.jobs)
    return replace(run.state, proof=needed(run.state.proof).with_findings(built))


def prove(run: Run) -> State:
    """Check that nothing differs, and that the archive is still the same file. Raises NotProven."""
    unchanged = tuple(proofs.unchanged(needed(run.clearance)))
    proof = needed(run.state.proof).with_findings(unchanged)
    run.keep(replace(run.state, proof=proof, proven=True))
    proof.proven()
    return run.state


def rights_of_prod(run: Run) -> Rights:
    """Read prod's rights; in place, return those from before anything was changed."""
    return run.rights or rights.read(run.target, run.run_id)


def moved(run: Run, wanted: Rights) -> tuple[Finding, ...]:
    """Return findings for rights that differ from those wanted, and for remains of the build login."""
    found = rights.prove(wanted, run.database, run.run_id, run.options.rights)
    return found + needed(run.build).left()
