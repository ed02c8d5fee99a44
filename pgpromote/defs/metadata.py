"""Values of the PostgreSQL side as Dagster metadata: tables, sizes, digests."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from pgpromote.postgres import prove
from pgpromote.postgres.audit import listed
from pgpromote.postgres.databases.cutover import CutOver
from pgpromote.postgres.details import visible
from pgpromote.postgres.keys.repair import Repair
from pgpromote.postgres.losses.plan import Plan
from pgpromote.postgres.model import (
    EVERYTHING,
    Filters,
    Finding,
    Manifest,
    Ref,
    RestoreError,
    Severity,
    Statement,
)
from pgpromote.postgres.prove import Proof
from pgpromote.postgres.rows.compare import RULE as CONTENTS
from pgpromote.run.state import State
from pgpromote.terminal.summary import needed

PROVEN, DIGEST = "proven", "SHA-256"
Metadata = dict[str, dg.MetadataValue]
Cell = str | int | float | bool | None


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> dg.MetadataValue:
    """Return a table of text and numbers."""
    shown = [[visible(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    records = [dg.TableRecord(dict(zip(columns, row, strict=True))) for row in shown]
    schema = dg.TableSchema([dg.TableColumn(name, "string") for name in columns])
    return dg.MetadataValue.table(records=records, schema=schema)


def findings(found: Sequence[Finding]) -> dg.MetadataValue:
    """Return findings as a table: severity, object, remedy, message, rule. The last columns may be cut."""
    columns = ("severity", "object", "what to do", "what", "rule")
    return table(columns, [(f.severity.value, f.object, f.remedy, f.message, f.rule) for f in found])


def by_table(found: Mapping[str, Mapping[str, Sequence[Finding]]]) -> dg.MetadataValue:
    """Return information by table: a row for each table and rule."""
    rows = [(name, rule, listed(each)) for name, rules in found.items() for rule, each in rules.items()]
    return table(("table", "rule", "what"), rows)


def restore_errors(errors: Sequence[RestoreError]) -> dg.MetadataValue:
    """Return the errors of a restore as a table: entry, kind, message, statement."""
    columns = ("entry", "kind", "message", "statement")
    return table(columns, [(e.entry, e.kind, e.message, e.statement) for e in errors])


def statements(planned: Sequence[Statement]) -> dg.MetadataValue:
    """Return SQL statements, each with its reason."""
    return table(("statement", "why"), [(s.sql, s.why) for s in planned])


def counts(counted: Mapping[str, int]) -> dg.MetadataValue:
    """Return the number of objects of each kind."""
    return table(("kind", "count"), list(counted.items()))


def version(sha256: str | None) -> dict[str, str]:
    """Return the tag that makes the digest of an archive the data version; none where it is not known."""
    return {DATA_VERSION_TAG: sha256} if sha256 else {}


def archive(path: Ref, manifest: Manifest) -> Metadata:
    """Describe an archive that was just written."""
    return {
        "dev": dg.MetadataValue.text(manifest.source),
        "path": dg.MetadataValue.path(path),
        DIGEST: dg.MetadataValue.text(manifest.sha256),
        "size (bytes)": dg.MetadataValue.int(manifest.size),
        "seconds": dg.MetadataValue.float(manifest.seconds),
        "server version": dg.MetadataValue.text(manifest.server_version),
        "pg_dump version": dg.MetadataValue.text(manifest.pg_dump_version),
        "compression": dg.MetadataValue.text(manifest.compression),
        "objects": dg.MetadataValue.int(sum(manifest.counts.values())),
        "objects by kind": counts(manifest.counts),
    }


def repair(repaired: Repair) -> Metadata:
    """Describe the changes of the repair and the keys that it left alone."""
    skipped = [(s.table, s.column, s.message) for s in repaired.skipped]
    return {
        "keys repaired": dg.MetadataValue.int(len(repaired.statements)),
        "repair statements": statements(repaired.statements),
        "keys left alone": table(("table", "column", "why"), skipped),
    }


def proof(proven: Proof) -> Metadata:
    """Describe the scope of the proof, and the result of each of its parts."""
    unsure = {} if proven.errors else {CONTENTS: proven.doubt}
    verdicts = [
        (text, unsure.get(rule) or len(proven.of(rule)) or "equal") for rule, text in prove.RULES.items()
    ]
    return {
        PROVEN: dg.MetadataValue.text(proven.sentence),
        "proof": dg.MetadataValue.text(proven.mode),
        "proven tables": dg.MetadataValue.int(proven.tables),
        "proven rows": dg.MetadataValue.int(proven.rows),
        "proof summary": table(("what", "findings"), verdicts),
    }


def tables(proven: Proof) -> Metadata:
    """Return the comparison table by table."""
    how = {True: "rows and hash", False: "rows"}
    rows = [(each.table, each.dumped, each.restored, how[each.hashed]) for each in proven.compared]
    return {"proof per table": table(("table", "dumped", "restored", "compared"), rows)}


def numbers(done: State) -> Metadata:
    """Return the numbers to plot over time: seconds of each step, sizes, findings by severity."""
    found = (
        *done.checks,
        *(done.plan.losses if done.plan else ()),
        *(done.proof.findings if done.proof else ()),
    )
    shown: Metadata = {
        f"{phase.title} (seconds)": dg.MetadataValue.float(phase.seconds) for phase in done.walked
    }
    for severity in Severity:
        count = sum(finding.severity is severity for finding in found)
        shown[f"findings: {severity.value}"] = dg.MetadataValue.int(count)
    if done.manifest:
        shown["archive (bytes)"] = dg.MetadataValue.int(done.manifest.size)
        if done.manifest.database_size is not None:
            shown["dev database (bytes)"] = dg.MetadataValue.int(done.manifest.database_size)
    return shown


def prod(done: State, filters: Filters) -> Metadata:
    """Describe prod after a promotion, and the whole run; what a reader decides by comes first."""
    counted = done.after.rows if done.after else {}
    rows = {name: count for name, count in counted.items() if count is not None}
    return {
        **scope(filters),
        **summary(done),
        **way_back(done),
        "prod": dg.MetadataValue.text(done.target),
        "archive": dg.MetadataValue.path(done.archive),
        DIGEST: dg.MetadataValue.text(done.sha256),
        "strategy": dg.MetadataValue.text(str(done.strategy)),
        **losses(done.lost),
        **(proof(done.proof) if done.proof else {}),
        **cut_over(done.cut_over),
        **(repair(done.repair) if done.repair else {}),
        "dagster/row_count": dg.MetadataValue.int(sum(rows.values())),
        "rows by table": table(("table", "rows"), list(rows.items())),
        **(tables(done.proof) if done.proof else {}),
        **numbers(done),
    }


def summary(done: State) -> Metadata:
    """Summarise the run on one screen, for a reader on the next morning."""
    lines = [
        f"**{done.source or 'The archive'}** → **{done.target}**",
        "",
        f"- Archive: `{done.archive.name}`, SHA-256 `{done.sha256[:12]}…`",
        *_told(done),
    ]
    return {"summary": dg.MetadataValue.md("\n".join(lines))}


def way_back(done: State) -> Metadata:
    """Return how to bring back what prod was; empty where nothing of it is kept."""
    if not done.cut_over and not done.safety:
        return {}
    return {"back with": dg.MetadataValue.text("pgpromote rollback, or the job rollback_prod")}


def _told(done: State) -> Iterator[str]:
    if done.proof:
        yield f"- Proven: {done.proof.sentence}"
    if done.repair:
        changes, left = len(done.repair.changes), len(done.repair.skipped)
        yield f"- Repaired: {changes} primary keys; left alone: {left}"
    yield f"- Findings: {_by_severity(done)}"
    if done.cut_over:
        yield f"- Swapped in with a gap of {done.cut_over.downtime_ms} ms"
        yield f"- Kept: `{done.cut_over.previous}`"
    elif done.safety:
        yield f"- Prod as it was: `{done.safety}`"
    yield f"- Seconds: {', '.join(f'{phase.title} {phase.seconds}' for phase in done.walked)}"


def _by_severity(done: State) -> str:
    counted = numbers(done)
    return ", ".join(f"{counted[f'findings: {s.value}'].value} {s.value}" for s in Severity)


def losses(found: Sequence[Finding]) -> Metadata:
    """Return the losses of prod, actual or predicted, as a table or the word none."""
    return {"losses": findings(found) if found else dg.MetadataValue.text("none")}


def preview(planned: Plan) -> Metadata:
    """Describe the predicted losses of prod, its sessions, and the room that a swap needs."""
    sessions = [(s.application, s.user, s.count, s.lasting) for s in planned.sessions]
    shown: Metadata = {
        "sessions on prod": table(("application", "user", "sessions", "not ours to end"), sessions),
        **losses(planned.losses),
        "size of prod (bytes)": dg.MetadataValue.int(planned.present_size),
    }
    if planned.needed_size is not None:
        shown["needed beside prod (bytes)"] = dg.MetadataValue.int(planned.needed_size)
        shown["room for a swap"] = dg.MetadataValue.text(needed(planned))
    return shown


def rehearsal(done: State) -> Metadata:
    """Describe the promotion that a rehearsal has tried."""
    return {
        **(preview(done.plan) if done.plan else {}),
        **(repair(done.repair) if done.repair else {}),
        **(proof(done.proof) if done.proof else {}),
    }


def cut_over(done: CutOver | None) -> Metadata:
    """Describe a cut-over; empty for a strategy without one."""
    if done is None:
        return {}
    return {
        "previous database": dg.MetadataValue.text(done.previous),
        "gap (ms)": dg.MetadataValue.float(done.downtime_ms),
    }


def scope(filters: Filters) -> Metadata:
    """Return a warning about a limited scope, empty when everything is included."""
    if filters == EVERYTHING:
        return {}
    return {
        "warning": dg.MetadataValue.md(
            f"**Limited on purpose** to {filters}. This is not the whole database."
        )
    }
