"""Commands that need no server of one's own: demo, up."""

import sys

import click


@click.command()
@click.option("--scale", default=1, type=click.IntRange(1), help="Times the rows of the sample database.")
def demo(scale: int) -> None:
    """Show a whole refresh on embedded servers with a sample database.

    Example: pgpromote demo --scale 10
    """
    from pgpromote.demo import show  # noqa: PLC0415

    show.run(scale)


@click.command()
@click.option("--port", default=3000, help="Port of the Dagster UI.")
def up(port: int) -> None:
    """Start the Dagster UI and daemon, with embedded servers for every URL that is not set.

    Example: pgpromote up --port 3001
    """
    from pgpromote.demo import services  # noqa: PLC0415

    sys.exit(services.run(port))
