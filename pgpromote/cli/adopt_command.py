"""The command that takes in an archive of pg_dump: adopt."""

from pathlib import Path

import click

from pgpromote import settings
from pgpromote.cli.parameters import as_json
from pgpromote.postgres.checks import adopt
from pgpromote.terminal import screen


@click.command("adopt")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--anew", is_flag=True, help="The file was replaced since it was adopted: adopt what it is now."
)
@as_json
def adopt_command(file: Path, *, anew: bool, as_json: bool) -> None:
    """Take in FILE, an archive of pg_dump that has no manifest.

    It is read in full and hashed, and the manifest is written beside it: from then on a damaged or changed
    FILE is refused. What Dev held nobody can say afterwards, so whatever is made of it says `rows NOT
    proven`. Adopt what you trust; `pgpromote dump` needs no adoption. No server is needed.

    \b
    Example:
      pgpromote adopt /backups/shop.dump && pgpromote restore /backups/shop.dump
    """
    promotion, path = settings.from_environment(), file.absolute()
    contents, manifest = adopt.adopt(
        path, promotion.tools(), promotion.name, anew=anew, store=promotion.store
    )
    if as_json:
        screen.show_json(manifest)
    else:
        screen.show_adopted(contents, manifest)
