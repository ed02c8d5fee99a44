"""Commands that need no server of the user's: demo, up, completion."""

import sys

import click
from click.shell_completion import get_completion_class

PROGRAM = "pgpromote"


@click.command()
@click.option("--scale", default=1, type=click.IntRange(1), help="Times the rows of the sample database.")
def demo(scale: int) -> None:
    """Show a whole refresh on embedded servers with a sample database.

    Two PostgreSQL servers, dev and prod, are started, and stopped at the end. Databases and settings of your
    own are left alone.

    \b
    Example:
      pgpromote demo --scale 10
    """
    from pgpromote.demo import show  # noqa: PLC0415 - only this command pays for the demo

    show.run(scale)


@click.command()
@click.option("--port", default=3000, help="Port of the Dagster UI.")
def up(port: int) -> None:
    """Start the Dagster UI and daemon, with embedded servers for every URL that is not set.

    It is started in a directory of `pgpromote init`, or in the checkout. Ctrl-C stops everything that was
    started. Schedule and sensors are off until you turn them on in the UI;
    alerts are on as soon as PGPROMOTE_WEBHOOK_URL is set.

    \b
    Example:
      pgpromote up --port 3001
    """
    from pgpromote.cli import target  # noqa: PLC0415 - loads what --help does not need
    from pgpromote.demo import services  # noqa: PLC0415 - only this command pays for it

    sys.exit(services.run(port, target.directory()))


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in a shell.

    \b
    Example:
      eval "$(pgpromote completion bash)"    # in ~/.bashrc; zsh: in ~/.zshrc
      pgpromote completion fish > ~/.config/fish/completions/pgpromote.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} is not among the shells that click knows.")
    click.echo(kind(ctx.find_root().command, {}, PROGRAM, "_PGPROMOTE_COMPLETE").source(), nl=False)
