"""Commands that care for a Prod that is there: audit, repair, history, rollback, mark-prod."""

import click

from pgpromote import promotion as settings
from pgpromote import rollback, terminal
from pgpromote import run as runs
from pgpromote.cli.options import as_json, new_run_id
from pgpromote.postgres import audit, mark, repair
from pgpromote.postgres.server import connect, promotion_lock


@click.command("audit")
@as_json
def audit_command(*, as_json: bool) -> None:
    """Audit DATABASE_URL, or Prod: read-only.

    Example: DATABASE_URL=postgresql://me@host/shop pgpromote audit
    """
    database = settings.from_environment().audited()
    found = audit.read(database, new_run_id())
    by_rule = {rule: [finding for finding in found if finding.rule == rule] for rule in audit.RULES}
    if as_json:
        terminal.show_json(by_rule)
    else:
        terminal.show_audit(by_rule)


@click.command("repair")
@click.option("--dry-run", is_flag=True, help="Show what would be repaired, and change nothing.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave this table alone; * and ? allowed.")
@as_json
def repair_command(exclude: tuple[str, ...], *, dry_run: bool, as_json: bool) -> None:
    """Repair the primary-key identities of Prod.

    Example: pgpromote repair --dry-run --exclude "lookup_*"
    """
    promotion, run_id = settings.from_environment(), new_run_id()
    target = promotion.target()
    with promotion_lock(target, run_id, promotion.lock_database):
        repaired = repair.repair(target, run_id, exclude=exclude, really=not dry_run)
    if as_json:
        terminal.show_json({"done": not dry_run, **vars(repaired)})
    else:
        terminal.show_repair(repaired, done=not dry_run)


@click.command("history")
@as_json
def history_command(*, as_json: bool) -> None:
    """List what Prod was before: databases swapped out, and safety archives, newest first.

    Example: pgpromote history
    """
    with runs.start(settings.from_environment(), new_run_id()) as run:
        databases, archives = rollback.history(run)
    if as_json:
        terminal.show_json({"databases": databases, "archives": archives})
    else:
        terminal.show_history(databases, archives)


@click.command("rollback")
@click.argument("name", required=False, default="")
@as_json
def rollback_command(name: str, *, as_json: bool) -> None:
    """Swap what Prod was back in: the newest previous database or safety archive, or NAME from the history.

    What is Prod now becomes a previous database, so a rollback can be rolled back.
    Example: pgpromote rollback
    """
    with (
        runs.start(settings.from_environment(), new_run_id()) as run,
        terminal.progress(f"Bringing {run.target.label} back") as line,
    ):
        done = rollback.bring_back(run, name, line)
    if as_json:
        terminal.show_json(done)
    else:
        terminal.show_cut_over(done)


@click.command("mark-prod")
@click.option("--remove", is_flag=True, help="Take the mark away again.")
def mark_command(*, remove: bool) -> None:
    """Mark the database of PROD_DATABASE_URL as Prod: it is never dumped as a source from then on.

    The mark is a setting of the database; it stays through swaps and rollbacks.
    Example: pgpromote mark-prod
    """
    target = settings.from_environment().target()
    with connect(target, new_run_id()) as session:
        (mark.unmark_prod if remove else mark.mark_prod)(session)
    terminal.OUT.print(f"{target.label} is {'no longer ' if remove else ''}marked as prod.")
