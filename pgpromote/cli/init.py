"""`pgpromote init`: the files that promotions are run from, and one that starts them every night."""

import getpass
import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from string import Template
from urllib.parse import quote

import click

from pgpromote.cli.env_file import NAME
from pgpromote.postgres import tools
from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.files import make_private
from pgpromote.postgres.server import parse_url
from pgpromote.promotion import BUILD, SOURCE, STORAGE, TARGET, fit
from pgpromote.promotion import NAME as NAME_OF_PROMOTION
from pgpromote.settings import SETTINGS
from pgpromote.terminal import screen

PG_BIN = "PGPROMOTE_PG_BIN"
# Characters that shells, systemd or Compose read as syntax.
SPECIAL = re.compile(r"""[\s$'"`\\#]""")
FILES = (NAME, "dagster.yaml", "workspace.yaml")
EXAMPLES = {
    SOURCE: "postgresql://dumper:password@dev.example:5432/shop",
    TARGET: "postgresql://promoter:password@prod.example:5432/shop",
    BUILD: "postgresql://builder:password@prod.example:5432/shop",
    STORAGE: "postgresql://dagster:password@ops.example:5432/dagster",
}
# How each kind of file quotes a word.
QUOTED: dict[str, Callable[[str], str]] = {
    "cron": lambda word: shlex.quote(word).replace("%", r"\%"),
    "systemd": lambda word: json.dumps(word, ensure_ascii=False).replace("%", "%%").replace("$", "$$"),
    "compose": lambda word: json.dumps(word, ensure_ascii=False).replace("$", "$$"),
    "kubernetes": str,
}
NEXT = """Wrote {files} in {directory}. Next:
  1. {step}
  2. pgpromote doctor
  3. pgpromote promote, and once: pgpromote mark-prod
Every night: pgpromote init --for cron (systemd, compose, kubernetes).
The Dagster UI: set DAGSTER_POSTGRES_URL to an empty database, not Prod, then pgpromote up"""


@click.command()
@click.argument("directory", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--dev", default="", metavar="URL", help="The database to dump, without a password.")
@click.option("--prod", default="", metavar="URL", help="The database to promote into, without a password.")
@click.option(
    "--for",
    "kind",
    type=click.Choice([*QUOTED]),
    help="Print the file that promotes from DIRECTORY every night, and write nothing.",
)
def init(directory: Path, dev: str, prod: str, kind: str | None) -> None:
    """Write the files that promotions of your own are run from.

    Into DIRECTORY, which is this one unless named: pgpromote.env, the settings, readable for you alone;
    dagster.yaml and workspace.yaml, for `pgpromote up` and `pgpromote refresh`. DEV_DATABASE_URL and
    PROD_DATABASE_URL are taken from the options, else from the environment; BUILD_DATABASE_URL and
    DAGSTER_POSTGRES_URL from there. No file is overwritten.

    \b
    Example:
      pgpromote init
      pgpromote init /srv/shop --for systemd
    """
    place = directory.absolute()
    if kind:
        click.echo(nightly(kind, place), nl=False)
        return
    given = {SOURCE: dev, TARGET: prod}
    urls = {variable: _url(variable, given.get(variable, "")) for variable in EXAMPLES}
    _write(place, contents(place, urls, found_here(os.environ)))
    missing = [variable for variable in (SOURCE, TARGET) if not urls[variable]]
    step = f"Set {' and '.join(missing)} in {NAME}" if missing else f"Look through {NAME}"
    screen.OUT.print(NEXT.format(files=", ".join(FILES), directory=place, step=step))


def found_here(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that another shell would lack: the name, and where client programs are.

    Cron and systemd start a command with a PATH of their own. A value that readers of such files take in
    different ways is left out.
    """
    named = [Path(each).absolute() for each in environment.get(PG_BIN, "").split(os.pathsep) if each]
    bare = {each.directory for each in tools.find(tools.directories([], os.defpath))}
    there = tools.find(tools.directories([], environment.get("PATH", "")))
    only_here = [each.directory for each in there if each.directory not in bare]
    places = os.pathsep.join(map(str, named or only_here))
    kept = {NAME_OF_PROMOTION: environment.get(NAME_OF_PROMOTION, ""), PG_BIN: places}
    return {name: value for name, value in kept.items() if value and not SPECIAL.search(value)}


def contents(place: Path, urls: dict[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """Return the contents of the files, by name. A URL that is empty is left to be filled in."""
    settings = "\n\n".join(
        f"# {meaning}\n{name}={found[name]}" if name in found else f"# {meaning}\n#{name}={default}"
        for name, (default, meaning) in SETTINGS.items()
    )
    filled = {
        "dev": _line(SOURCE, urls[SOURCE]),
        "prod": _line(TARGET, urls[TARGET]),
        "build": _line(BUILD, urls[BUILD]),
        "storage_url": _line(STORAGE, urls[STORAGE]),
        "settings": settings,
        "location": f"pgpromote_{fit(place.name)}",  # two promotions may share one Dagster instance
        "storage": json.dumps(str(place / "data" / "dagster"), ensure_ascii=False),
        "logs": json.dumps(str(place / "data" / "dagster" / "logs"), ensure_ascii=False),
    }
    return {name: _template(name).substitute(filled) for name in FILES}


def nightly(kind: str, place: Path) -> str:
    """Return the file of a kind that runs `pgpromote promote` from a directory every night."""
    quoted, program = QUOTED[kind], Path(sys.executable).with_name("pgpromote")
    return _template(kind).substitute(
        program=quoted(str(program)),
        env_file=quoted(str(place / NAME)),
        directory=str(place).replace("%", "%%"),
        user=getpass.getuser(),
    )


def _template(name: str) -> Template:
    return Template((resources.files(__package__) / "templates" / name).read_text("utf-8"))


def _url(variable: str, given: str) -> str:
    """Return the URL that is set, its special characters as every reader of such a file takes them."""
    url = given or os.environ.get(variable, "")
    if url and parse_url(url, variable).secrets and given:
        raise click.UsageError(
            f"A password on the command line can be read by others: leave it out, and set {variable} in the "
            f"environment, or write it into {NAME} afterwards."
        )
    return re.sub(r"""[$'"`\\]""", lambda found: quote(found[0]), url)


def _line(variable: str, url: str) -> str:
    return f"{variable}={url}" if url else f"#{variable}={EXAMPLES[variable]}"


def _write(place: Path, files: dict[str, str]) -> None:
    if there := [name for name in files if os.path.lexists(place / name)]:
        raise ConfigError(
            f"{place} has {' and '.join(there)} already; nothing was written.",
            "Name another directory, or move the files away.",
        )
    try:
        make_private(place)
        for name, content in files.items():
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with open(os.open(place / name, flags, 0o600), "w", encoding="utf-8") as file:
                file.write(content)
    except OSError as error:
        raise ConfigError(
            f"{place} cannot be written: {error.strerror or error}.", "Name a directory of your own."
        ) from None
