"""The cost of a promotion for prod, known before anything is touched."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from psycopg import sql as compose
from psycopg.rows import tuple_row

from pgpromote.postgres import disk, sql
from pgpromote.postgres.archives.selection import RELATIONS
from pgpromote.postgres.excerpt import WARNINGS, cut
from pgpromote.postgres.losses import changes
from pgpromote.postgres.losses.scope import ONLY_IN_PROD, Object, Scope, Serial, Table, Written, spellings
from pgpromote.postgres.model import Aim, Archive, Content, Filters, Finding, Manifest, Severity
from pgpromote.postgres.naming import command, option
from pgpromote.postgres.rows import contents
from pgpromote.postgres.server import (
    APPLICATION,
    Database,
    Session,
    connect,
    identify,
    rows,
    size_of,
)
from pgpromote.postgres.strategy import Strategy

RULE = "loss_preview"
DESCRIPTION = "Nothing that only prod has would be lost: objects, columns, rows."
HINT_ADDED = "Empty the table first, or restore it with its definition."
HINT_ROWS = "Save these rows first if they matter; promote only when dev's are the right ones."
HINT_READ = "Grant SELECT on it, and BYPASSRLS where row security hides rows."
HINT_UNKNOWN = "A swap notes it, and the previous database keeps the note: keep at least one."


@dataclass(frozen=True)
class Sessions:
    """The sessions of one application and user in prod: their number, and how many of them we may not end."""

    application: str
    user: str
    count: int
    lasting: int = 0


@dataclass(frozen=True)
class Loss(Finding):
    """A loss of prod: its message tells it before the promotion, `afterwards` once prod is the new one.

    `whole` is an object with all that it held, and not rows or columns of one that stays.
    """

    afterwards: str = field(kw_only=True)
    whole: bool = field(default=False, kw_only=True)

    def seen(self, where: str = "", way: str = "") -> Finding:
        """Return the finding as it is before the promotion, or with the place of the lost object."""
        if not where:
            return Finding(self.rule, self.severity, self.object, self.message, self.hint)
        return Finding(self.rule, self.severity, self.object, f"{where}: {self.afterwards}", way)


@dataclass(frozen=True)
class Plan:
    """The cost of a promotion: the losses of prod, the sessions to be ended, the space it takes.

    Sizes are in bytes. `needed_size` is the space that a swap needs on prod's server beside prod: the
    source's size times HEADROOM, and `log_size` for the server's write-ahead log. It is None for a promotion
    in place and for an archive that does not state the size of its source. `rows` counts the rows in prod of
    the tables in question, by `schema.name`.
    """

    losses: tuple[Finding | Loss, ...]
    sessions: tuple[Sessions, ...]
    present_size: int
    needed_size: int | None
    log_size: int = 0
    rows: Mapping[str, int] = field(default_factory=dict, repr=False)


def preview(
    aim: Aim,
    manifest: Manifest | None,
    target: Database,
    run_id: str,
    *,
    held: Mapping[str, Content] | None = None,
) -> Plan:
    """Return the cost of a promotion for prod, without changing anything.

    Rows are counted, not estimated. Changes by prod's users since the last promotion are known from
    statistics, and exactly where `held` gives the content of each table, with its hash (`look`). A plain SQL
    dump lists no content, so only a finding says that. Raises ConnectionFailed, SessionFailed.
    """
    size = None if not aim.strategy.beside or manifest is None else manifest.database_size
    with connect(target, run_id, autocommit=True) as session:
        log = 0 if size is None else disk.reserve(session)
        losses, counted = _losses(session, aim, manifest)
        losses += _changed_by_users(session, aim, held)
        return Plan(
            losses=tuple(losses),
            sessions=tuple(rows(session, Sessions, "plan/sessions", {"application": APPLICATION})),
            present_size=size_of(session),
            needed_size=size and int(disk.HEADROOM * size) + log,
            log_size=log,
            rows={name: content.rows for name, content in counted.items()},
        )


def _losses(
    session: Session, aim: Aim, manifest: Manifest | None
) -> tuple[list[Finding], dict[str, Content]]:
    """Return the losses, and the content of the tables in question."""
    found: list[Finding] = []
    if manifest is None or manifest.adopted:
        known = "was adopted" if manifest else "has no manifest"
        message = f"{aim.path} {known}, so its rows cannot be compared with prod's."
        hint = f"Dump with {command('dump')}; it writes the manifest beside the archive."
        found.append(Finding(RULE, Severity.INFO, str(aim.path), message, hint))
    if not aim.archive.listed:
        return found, {}
    scope = Scope(aim.archive, manifest, aim.filters, aim.strategy)
    lost, refilled = _lost_objects(session, scope)
    whole = frozenset(each.relation for each in lost if each.kind in RELATIONS and each.part_of is None)
    tables = _tables(session, whole | scope.touched)
    held = contents.measure(session, [(t.schema, t.name) for t in tables if t.readable], hashed=False)
    found += _lost_objects_and_rows(scope, lost, whole, tables, held)
    found += _lost_within_tables(session, scope)
    found += _given_way(refilled)
    if aim.strategy.empty:
        found += _lost_large_objects(session, aim.archive, manifest)
    return found, held


def _lost_objects(session: Session, scope: Scope) -> tuple[list[Object], list[str]]:
    """Return the objects that would be lost, and the sequences that only give way to identities."""
    serials = {each.label: each for each in rows(session, Serial, "plan/serials")}
    lost, refilled = list[Object](), list[str]()
    for each in sorted(filter(scope.loses, _unbrought(session, scope)), key=lambda found: found.place):
        serial = serials.get(each.label) if each.kind == "SEQUENCE" else None
        if serial and scope.refills(serial):
            refilled.append(each.label)
        else:
            lost.append(each)
    return lost, refilled


def _unbrought(session: Session, scope: Scope) -> Iterator[Object]:
    """Yield the objects of prod that the archive does not bring: of most prods, next to nothing."""
    query = compose.SQL(sql.read("plan/objects")).format(named=compose.SQL(sql.read("catalog/named")))
    with session.cursor(row_factory=tuple_row) as cursor:
        for row in cursor.execute(query, {}):
            if row[:3] not in scope.definitions:
                yield Object(*row)


def _tables(session: Session, named: Collection[tuple[str, str]]) -> list[Table]:
    return [
        table
        for table in rows(session, Table, "plan/tables")
        if not table.of_extension and (table.schema, table.name) in named
    ]


def _lost_objects_and_rows(
    scope: Scope,
    lost: list[Object],
    whole: frozenset[tuple[str, str]],
    tables: list[Table],
    held: Mapping[str, Content],
) -> Iterator[Finding]:
    for each in lost:
        if each.part_of is None or each.relation not in whole:
            content = held.get(each.label) if each.kind == "TABLE" else None
            yield _lost(each.title, each.label, scope.absence(each), content)
    for table in tables:
        if not table.readable:
            message = f"{table.label} cannot be read by our role, so its rows in prod are not counted."
            afterwards = f"{table.label} could not be read by our role, so its rows were not counted."
            yield _loss(table.label, message, afterwards, HINT_READ)
        elif (table.schema, table.name) not in whole:
            yield from _changed_rows(scope.filters, table.label, held[table.label], scope.brought(table))


def _lost(title: str, label: str, absence: tuple[str, str], content: Content | None = None) -> Loss:
    why, hint = absence
    held = f" with its {content.rows} row(s)" if content and content.rows else ""
    message, afterwards = f"{title} is {why}; it would be lost{held}.", f"{title}{held} was {why}."
    return Loss(RULE, Severity.WARNING, label, message, hint, afterwards=afterwards, whole=True)


def _loss(label: str, message: str, afterwards: str, hint: str) -> Loss:
    return Loss(RULE, Severity.WARNING, label, message, hint, afterwards=afterwards)


def _given_way(sequences: list[str]) -> Iterator[Finding]:
    if sequences:
        message = (
            f"{len(sequences)} sequence(s) of prod give way to identities of the same primary keys, by the "
            f"repair or from the archive: {', '.join(sequences)}."
        )
        hint = (
            "Where the repair leaves a key alone, or is not wanted, an insert must bring the key; "
            f"`{command('rehearse')}` names such keys."
        )
        yield Finding(RULE, Severity.INFO, sequences[0], message, hint)


def _lost_within_tables(session: Session, scope: Scope) -> Iterator[Finding]:
    for each in rows(session, Written, "plan/written"):
        names, table = _unwritten(scope, each), f"{each.schema}.{each.table}"
        if each.kind == "COLUMN" and names:
            listed = ", ".join(names)
            message = f"{table} has columns only in prod, which would be lost: {listed}."
            yield _loss(table, message, f"{table} had columns only in prod: {listed}.", ONLY_IN_PROD[1])
        elif names:
            labels = [f"{table} {name}" for name in names]
            yield from (_lost(f"{each.kind} {label}", label, ONLY_IN_PROD) for label in labels)


def _unwritten(scope: Scope, each: Written) -> list[str]:
    """Return the names that the archive's definition of the table lacks; [] for a table not in it."""
    kinds = ("TABLE", "FOREIGN TABLE")
    found = (scope.definitions.get((kind, each.schema, each.table)) for kind in kinds)
    definition = next((text for text in found if text is not None), None)
    if definition is None:
        return []
    # As pg_dump writes it: each column on its own line.
    pattern = "\n    {} " if each.kind == "COLUMN" else "CONSTRAINT {} CHECK "
    return [
        name
        for name in each.names
        if (each.kind, each.schema, f"{each.table} {name}") not in scope.definitions
        and not any(pattern.format(spelling) in definition for spelling in spellings(name))
    ]


def _changed_rows(
    filters: Filters, label: str, present: Content, brought: Content | None
) -> Iterator[Finding]:
    if filters.data_only:
        if brought and brought.rows and present.rows:
            added = f"the archive's {brought.rows} row(s) {{}} added to prod's {present.rows}"
            message = f"{label}: {added.format('are')}; a key that both hold fails the restore."
            yield _loss(label, message, f"{label}: {added.format('were')}.", HINT_ADDED)
    elif filters.schema_only and present.rows:
        held = f"{label}: prod's {present.rows} row(s)"
        message = f"{held} would be lost; only definitions are restored."
        without = option("schema-only")
        hint = f"Save these rows first if they matter; without {without}, dev's rows come along."
        yield _loss(label, message, f"{held}; only definitions were restored.", hint)
    elif brought and (told := _more(present, brought, "has", "is")):
        yield _loss(
            label, f"{label}: {told}.", f"{label}: {_more(present, brought, 'had', 'was')}.", HINT_ROWS
        )


def _more(present: Content, brought: Content, has: str, is_: str) -> str:
    """Return a text on prod's surplus over the archive, "" for none; `has` and `is_` give its tense."""
    told = []
    if present.rows > brought.rows:
        told.append(f"prod {has} {present.rows} rows, the archive {brought.rows}")
    if present.highest is not None and brought.highest is not None and present.highest > brought.highest:
        told.append(f"prod's highest key {is_} {present.highest}, the archive's {brought.highest}")
    return "; ".join(told)


def _changed_by_users(session: Session, aim: Aim, held: Mapping[str, Content] | None) -> Iterator[Finding]:
    """Yield a finding for each table to be replaced that prod's users changed since the last promotion."""
    if not aim.archive.listed or aim.filters.data_only:
        return
    found = changes.find(session, held)
    if found is None and held is not None:
        message = (
            "What prod's users changed since the last promotion is not known: no note says what it brought."
        )
        severity = Severity.INFO
        if other := changes.differing(aim.manifest, held, identify(session).encoding):
            some = ", ".join(cut(other, WARNINGS))
            message += f" {len(other)} table(s) hold other rows than the archive: {some}."
            severity = Severity.WARNING
        yield Finding(RULE, severity, session.info.dbname, message, HINT_UNKNOWN)
    brought = {entry.name for entry in aim.archive.of_kind(*RELATIONS)}
    for each in found or ():
        if _replaced(aim.strategy, each.table, brought):
            hint = HINT_ROWS if each.certain else _hint_counted()
            yield _loss(each.table, each.told(), each.told("the promotion before this one"), hint)


def _replaced(strategy: Strategy, table: str, brought: Collection[str]) -> bool:
    return strategy.empty or table in brought or table.startswith(f"{strategy.reset or '.'}.")


def _hint_counted() -> str:
    return (
        "Save these rows first if they matter. Rows that were rolled back are counted, too; "
        f"`{command('plan')}` compares hashes, which are certain."
    )


def _lost_large_objects(session: Session, archive: Archive, manifest: Manifest | None) -> Iterator[Finding]:
    present = contents.measure_large_objects(session, hashed=False)
    brought: Content | None = Content(0, None)
    if archive.of_kind("BLOBS"):
        brought = manifest.contents.get(contents.LARGE_OBJECTS) if manifest else None
    if brought and present.rows > brought.rows:
        told = f"Prod {{}} {present.rows} large objects, the archive {brought.rows}."
        yield _loss(contents.LARGE_OBJECTS, told.format("has"), told.format("had"), HINT_ROWS)
