"""States of runs that never were, with names that look like markup."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pgpromote.postgres.audit import Audit
from pgpromote.postgres.databases.cutover import CutOver
from pgpromote.postgres.errors import ProdState
from pgpromote.postgres.keys.repair import Repair, Skipped
from pgpromote.postgres.loading.restore import Restored
from pgpromote.postgres.loading.views import Filled
from pgpromote.postgres.losses.counts import Tally
from pgpromote.postgres.losses.plan import Plan, Sessions
from pgpromote.postgres.model import (
    Archived,
    Content,
    Finding,
    Manifest,
    Member,
    Severity,
    Statement,
)
from pgpromote.postgres.prove import Proof
from pgpromote.postgres.reset import Reset
from pgpromote.postgres.rows.compare import Compared
from pgpromote.postgres.strategy import CLEAN, SWAP
from pgpromote.run.state import Carried, Checked, Kept, Prepared, State, Walked
from pgpromote.run.steps import named

NOW = datetime(2026, 3, 1, 2, 10, 4, 567000, UTC)
# What a table may be called.
HOSTILE = """<script>alert('1')</script> "&amp; | ` _x_ [a](b) {{ 7*7 }} """ + "x" * 63
BIDI = "public.\u202eevil"
# A name of a database, and a path; the names of tables begin with it and are longer than a server's.
ODD = {
    "two alphabets, code page 1251": ("Отчёт по продажам 東京支店の売上", b"/d/\xcf\xf0\xee\xe4.dump"),
    "quotes and new lines, Shift JIS": ("a \"b\" 'c'\n\t`d`; --\r\\e $$", b"/d/\x93\x8c\x8b\x9e\n\"'.dump"),
    "marks, two directions, cut UTF-8": (
        "e\u0301\u202eצ👩\u200d💻 [/red]",
        b"/d/\xe6\x9d\x80\xff \xc3",
    ),
}
SECONDS = {
    "check": 1.5, "prepare": 0.5, "restore": 40.0, "repair": 0.25, "prove": 17.0, "swap": 0.75,
}  # fmt: skip
EMPTY = State(
    promotion="shop",
    run_id="4f1c",
    began_at=NOW,
    source="dev.example:5432/shop",
    target="prod.example:5432/shop",
    strategy=SWAP,
    archive=Path("dumps/shop_dev.dump"),
)


def finding(rule: str, severity: Severity = Severity.WARNING, name: str = HOSTILE) -> Finding:
    return Finding(rule, severity, name, f"{name} is odd.", f"Look at {name}.")


def checked(*findings: Finding) -> Checked:
    return Checked(tuple(finding.rule for finding in findings), findings, {})


def steps(*names: str) -> tuple[Walked, ...]:
    """Return steps one after the other, without a gap."""
    began, made = NOW - timedelta(minutes=2), []
    for name in names:
        step = named(name)
        made.append(Walked(name, step.title, step.phase, began, SECONDS[name]))
        began += timedelta(seconds=SECONDS[name])
    return tuple(made)


def manifest() -> Manifest:
    return Manifest(
        promotion="shop",
        sha256="ab" * 32,
        size=123_456_789,
        created_at="2026-03-01T02:00:00+00:00",
        seconds=61.5,
        source="dev.example:5432/shop",
        server_version="16.14",
        pg_dump_version="16.14",
        compression="zstd",
        encoding="UTF8",
        locale="C",
        extensions={HOSTILE: "1.0"},
        counts={"TABLE": 3, "TABLE DATA": 3},
        contents={
            HOSTILE: Content(30, "7", 30),
            "public.orders": Content(50, "8", 50),
            "public.same": Content(1, None, None),
        },
        members={HOSTILE: Member("queue", "1.0", (HOSTILE,), Archived.SOME, Content(1, None, None), HOSTILE)},
        database_size=9_876_543_210,
    )


def promoted() -> State:
    """Return the state of a run that succeeded, and found something of every kind."""
    compared = [("public.orders", 50), (HOSTILE, 30), ("public.same", 1)]
    return replace(
        EMPTY,
        sha256="ab" * 32,
        manifest=manifest(),
        current="retain",
        proven=True,
        prod=ProdState.RENEWED,
        steps=steps(*SECONDS),
        checked=checked(finding("client_tools"), finding("source_differs", Severity.INFO)),
        plan=Plan((finding("loss_preview", name=BIDI),), (), 1000, 2000),
        repair=Repair(
            (),
            (Skipped(HOSTILE, "id", "trigger", f"{HOSTILE}.id is left alone: a trigger may fill it."),),
            (finding("nearly_used_up"),),
        ),
        proof=Proof(
            "exact",
            3,
            81,
            (finding("rights_kept"), finding("sequences")),
            tuple(Compared(name, rows, rows, hashed=True) for name, rows in compared),
        ),
        cut_over=CutOver("prod.example:5432/shop", 41.5, f"shop__previous_{HOSTILE}"),
        kept=Kept(("shop__previous_1",), ()),
        before=Tally(
            {"TABLE": 4, "INDEX": 2},
            {HOSTILE: 29, "public.secret": None, BIDI: 7, "public.same": 1},
        ),
        after=Tally({"TABLE": 3, "VIEW": 1}, {"public.orders": 50, HOSTILE: 30, "public.same": 1}),
        carried=Carried(
            (Statement(f'GRANT SELECT ON "{HOSTILE}" TO reader', f"rights on {HOSTILE} as in prod"),)
        ),
    )


def failed() -> State:
    """Return the state of a run whose restore failed."""
    return replace(
        EMPTY,
        current="restore",
        prod=ProdState.UNTOUCHED,
        steps=steps("check", "prepare", "restore"),
        failure=f"The restore reported 1 error:\n  - {HOSTILE}\nProd is untouched.",
        plan=Plan((), (), 1000, None),
    )


def odd(name: str, path: Path) -> State:
    """Return the state of a run that was killed in place, with a name or a path wherever one can be."""
    table = f'{name}."{name * 5}"'
    found, statement, content = finding("rule", name=table), Statement(table, table), Content(1, "7", 1)
    member = Member(name, "1.0", (table,), Archived.SOME, content, table)
    return replace(
        failed(),
        source=name,
        archive=path,
        strategy=CLEAN,
        filters=f"tables {table}",
        prod=ProdState.MIXED,
        died=(name,),
        manifest=replace(
            manifest(), extensions={name: "1.0"}, contents={table: content}, members={table: member}
        ),
        checked=Checked(("rule",), (found,), {"other": name}),
        plan=Plan((found,), (Sessions(name, name, 1),), 1000, None, rows={table: 1}),
        prepared=Prepared((name,), name, path, (statement,), (found,)),
        reset=Reset(name, (found,), {name: 1}, (statement,), 1),
        restored=Restored(path, "ab", name, 2, 1.5, {}, (table,), Filled((statement,), (found,))),
        repair=Repair((), (Skipped(table, name, "trigger", table),), (found,)),
        proof=Proof("exact", 1, 1, (found,), (Compared(table, 1, 1, hashed=True),)),
        carried=Carried((statement,)),
        cut_over=CutOver(name, 1.5, name),
        kept=Kept((name, str(path)), (found,)),
        before=Tally({"TABLE": 1}, {table: 1}),
        failure=table,
    )


def audited() -> Audit:
    fix = f'ALTER TABLE "{HOSTILE}" ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY;'
    key = "primary_key_without_identity"
    return Audit(
        ("not_null_without_default", key),
        (
            Finding("not_null_without_default", Severity.INFO, f"{HOSTILE}.id", "It is integer."),
            Finding(key, Severity.WARNING, f"{HOSTILE}.id", "Nothing fills it.", fix=fix),
        ),
        (Finding(key, Severity.WARNING, f"accepted.{HOSTILE}", "Nothing fills it."),),
    )


NOT_AUDITED = Audit((), ())
