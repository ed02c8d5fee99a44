"""The monitor of cron jobs, told of a promotion of the command line; a monitor that is away is a warning."""

from pgpromote.cli.pinging import VARIABLE
from pgpromote.postgres.errors import ConfigError
from pgpromote.promotion import web_url
from pgpromote.report.ping import Event, ping
from pgpromote.terminal import screen


def tell(url: str, event: Event) -> None:
    """Tell the monitor of an event; show why it could not be told."""
    try:
        problem = ping(web_url(url, VARIABLE), event)
    except ConfigError as error:
        problem = error.message
    if problem:
        screen.show_problem(f"The monitor was not told of the {event.name.lower()}: {problem}")
