"""Commands that write and inspect an archive: dump, inspect."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from pgpromote import settings
from pgpromote.cli.parameters import (
    as_json,
    dump_argument,
    dump_options,
    filter_options,
    filters_of,
    new_run_id,
    verbose,
)
from pgpromote.postgres import dump
from pgpromote.postgres.archives import archive, selection
from pgpromote.postgres.model import Archive, TocEntry
from pgpromote.terminal import screen
from pgpromote.terminal.progress import Dumping


@click.command("dump")
@click.argument("out_dir", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--sql", is_flag=True, help="Also write plain SQL (full.sql) for reading and review.")
@dump_options
@filter_options
@verbose
@as_json
def dump_command(
    out_dir: Path | None,
    *,
    sql: bool,
    compression: str,
    encoding: str,
    verbose: bool,
    as_json: bool,
    **options: object,
) -> None:
    """Dump Dev into OUT_DIR, which is PGPROMOTE_DUMP_DIR unless named.

    The archive is read back in full and hashed before it gets its name; until then an older one stays. The
    manifest beside it says what each table held, which is what a restore is proven against. Dev is only read.

    \b
    Example:
      pgpromote dump /backups --sql
      pgpromote dump --table "orders*" --schema-only
    """
    promotion, run_id, scope = settings.from_environment(), new_run_id(), filters_of(options)
    path = out_dir.absolute() / promotion.archive_name if out_dir else promotion.archive_path
    source, tools, store = promotion.source(), promotion.tools(), promotion.store
    screen.show_scope(scope)
    if promotion.renamed:
        screen.ERR.print(promotion.renamed)
    picture = Dumping(f"Dumping {source.label}", path, store=store)
    with screen.drawn(picture, verbose=verbose) as line:
        contents, manifest = dump.dump(
            source,
            path,
            tools,
            run_id,
            store=store,
            name=promotion.name,
            compression=compression,
            encoding=encoding,
            filters=scope,
            on_line=line,
        )
    if sql:
        plain = path.with_name("full.sql")
        picture = Dumping(f"Writing plain SQL to {plain}", plain, store=store)
        with screen.drawn(picture, verbose=verbose) as line:
            dump.dump_sql(
                source, plain, tools, run_id, store=store, encoding=encoding, filters=scope, on_line=line
            )
    if as_json:
        screen.show_json(manifest)
    else:
        screen.show_dumped(contents, manifest)


@click.command()
@dump_argument
@click.option("--kind", "-k", "kinds", multiple=True, help="Show entries of this kind, such as VIEW.")
@click.option("--name", default="", metavar="PATTERN", help="Show entries with this name; * and ? allowed.")
@as_json
def inspect(dump_path: Path | None, kinds: tuple[str, ...], name: str, *, as_json: bool) -> None:
    """Show what an archive holds: header, counts, names.

    DUMP is the promotion's own archive unless named. No server is needed.

    \b
    Example:
      pgpromote inspect shop.dump --kind VIEW --kind INDEX --name "order*"
    """
    promotion = settings.from_environment()
    contents = archive.read(promotion.store.local(dump_path or promotion.own_archive()))
    found = selection.search(contents, kinds, name or "*") if kinds or name else None
    for problem in _missed(contents, kinds, name, found):
        screen.ERR.loud(problem)
    if as_json:
        entries = contents.entries if found is None else found
        header = {key: value for key, value in vars(contents).items() if key != "entries"}
        shown = [{"kind": e.kind, "schema": e.schema, "name": e.tag, "owner": e.owner} for e in entries]
        screen.show_json({**header, "counts": contents.counts(), "entries": shown})
    else:
        screen.show_archive(contents, found)


def _missed(
    contents: Archive, kinds: Sequence[str], name: str, found: Sequence[TocEntry] | None
) -> Iterator[str]:
    """Yield a sentence for each part of a search that met nothing in an archive."""
    there = contents.counts()
    missing = [kind for kind in kinds if kind.upper() not in there]
    for kind in missing:
        yield f"{contents.path} holds no {kind.upper()}. Its kinds are: {', '.join(sorted(there)) or 'none'}."
    if name and not found and len(missing) < max(len(kinds), 1):
        of = f" of the kind {', '.join(kinds).upper()}" if kinds else ""
        yield f"{contents.path} holds nothing{of} whose name is like {name}."
