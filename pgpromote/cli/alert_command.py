"""The command that tries where alerts go: alert."""

import click

from pgpromote import settings
from pgpromote.postgres.errors import ConfigError
from pgpromote.promotion import WEBHOOK
from pgpromote.report.alert import Alert
from pgpromote.report.webhook import Webhook, post
from pgpromote.terminal import screen


@click.command("alert")
@click.option("--test", is_flag=True, required=True, help="Send an alert that says that it is a test.")
def alert_command(*, test: bool) -> None:
    """Send a test alert to the webhook of PGPROMOTE_WEBHOOK_URL.

    It is sent as a failed promotion would be: same form, same retries. Exit code 0 says that the webhook
    took it. No server is needed.

    \b
    Example:
      pgpromote alert --test
    """
    promotion = settings.from_environment()
    if not promotion.webhook_url():
        raise ConfigError(
            f"{WEBHOOK} is not set: no alert is sent to anybody.", f"Set it: {WEBHOOK}=https://…"
        )
    told = Alert(
        event="test",
        promotion=promotion.name,
        job="alert --test",
        run_id="none",
        failed="nothing failed, this is a test",
        what="Alerts of pgpromote arrive here.",
        objects=(),
        untouched="",
        to_do="",
        link=promotion.ui_url(),
    )
    post(Webhook(promotion.webhook_url()), told.payload())
    screen.OUT.print("The webhook took a test alert. See whether it is where people read it.")
