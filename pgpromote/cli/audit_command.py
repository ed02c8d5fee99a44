"""The command that looks Prod over: audit."""

import click

from pgpromote import settings
from pgpromote.cli.parameters import as_json, new_run_id
from pgpromote.postgres import audit
from pgpromote.terminal import screen


@click.command("audit")
@as_json
def audit_command(*, as_json: bool) -> None:
    """Audit DATABASE_URL, or Prod when that is not set. Read-only.

    \b
    Example:
      DATABASE_URL=postgresql://me@host/shop pgpromote audit
    """
    promotion, run_id = settings.from_environment(), new_run_id()
    done = audit.audit(
        promotion.audited(), run_id, dev=promotion.compared(), ignored=promotion.audit_ignored()
    )
    if as_json:
        screen.show_json(done.by_rule() | {"suppressed": list(done.suppressed), "notes": list(done.notes)})
    else:
        screen.show_audit(done)
