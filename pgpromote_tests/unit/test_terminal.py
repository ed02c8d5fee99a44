"""Progress and summaries: what the tools' lines count for, what is drawn, what fits one screen."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from pgpromote.postgres.errors import ProdState, Refused
from pgpromote.postgres.loading.activity import Activity
from pgpromote.postgres.losses.plan import Loss, Plan
from pgpromote.postgres.losses.plausible import ACCEPTED
from pgpromote.postgres.model import Aim, Filters, Finding, PlainSql, Severity, TocEntry
from pgpromote.postgres.prove import Proof
from pgpromote.postgres.rows.compare import Compared, Unproven
from pgpromote.postgres.rows.reading import Reading
from pgpromote.postgres.strategy import CLEAN, RESET_SCHEMA, SWAP, Strategy
from pgpromote.run.options import Options
from pgpromote.run.restore_progress import Work, remaining
from pgpromote.run.run import Run
from pgpromote.run.state import Kept, Prepared, State, Walked
from pgpromote.run.steps import PROMOTED, REHEARSED, STEPS, named
from pgpromote.settings import from_environment
from pgpromote.terminal import summary
from pgpromote.terminal.progress import Count, Dumping, Running, Stepping, clock
from pgpromote_tests.unit.archives import archive_of
from pgpromote_tests.unit.plain import MANIFEST
from pgpromote_tests.unit.reports import checked, finding, promoted


def drawn(picture: Dumping | Running | Stepping) -> str:
    console = Console(width=80, markup=False, emoji=False)
    with console.capture() as screen:
        console.print(picture)
    return screen.get()


def running(*done: str, strategy: Strategy = SWAP) -> Running:
    begin = datetime.now(UTC) - timedelta(seconds=len(done))
    walked = tuple(
        Walked(name, named(name).title, named(name).phase, begin + timedelta(seconds=n), 1)
        for n, name in enumerate(done)
    )
    names = [step.name for step in STEPS if step.runs(strategy) and not step.within]
    state = State(
        "shop", "r1", begin, "dev", "prod", strategy, Path("shop.dump"),
        current=names[names.index(done[-1]) + 1], steps=walked,
    )  # fmt: skip
    run = Run(from_environment({}), "r1", Options(strategy=strategy), ExitStack(), state)
    return Running("Restoring [red]x", run, PROMOTED)


def test_a_dumped_table_counts() -> None:
    count = Count()
    for line in ('pg_dump: dumping contents of table "a.b"', "pg_dump: reading triggers"):
        count.take(line)
    assert count.tables == 1


def test_what_remains_follows_from_what_is_done() -> None:
    assert remaining(25, 100, 10) == 30
    assert remaining(0, 100, 10) is None
    assert remaining(120, 100, 10) == 0
    assert clock(3725.9) == "1:02:05"


def test_a_run_shows_the_phases_that_are_done_and_the_one_that_runs() -> None:
    lines = drawn(running("check", "prepare", "restore")).splitlines()
    assert [line.split()[0] for line in lines] == ["Restoring", "check", "prepare", "restore", "repair"]
    assert lines[0] == "Restoring [red]x"
    assert lines[3].split() == ["restore", "1.0", "s"]
    assert lines[4].split() == ["repair", "0:00:00"]


def test_a_restore_shows_how_far_it_is_and_what_it_is_in_the_middle_of() -> None:
    picture = running("check", "prepare")
    loading = Activity(loading=True, schema="public", table="orders", rows=500, share=None)
    index = Activity(loading=False, schema="public", table="o" * 63, rows=None, share=0.25)
    table = TocEntry(7, "TABLE DATA", "public", "orders", "alice", "data")
    picture.run.work = Work((table,), {table.name: 1000})
    picture.run.work.see((loading, index))
    *_, bar, first, second = drawn(picture).splitlines()
    assert bar.split()[0] == "restore"
    assert " 40 %" in bar
    assert bar.endswith("0 of 1 entries")
    assert first.strip() == "loading public.orders, 500 of 1,000 rows"
    assert second.strip().startswith("index of public.ooo")


def test_the_comparison_of_rows_shows_how_far_it_is_and_which_table_it_reads() -> None:
    picture = running("check", "prepare", "restore", "repair")
    picture.run.reading = Reading()
    assert drawn(picture).splitlines()[-1].split() == ["compare", "0:00:00"]
    picture.run.reading.expect({"public.orders": 750, "public." + "t" * 63: 250})
    picture.run.reading.end(["public.orders"])
    picture.run.reading.begin(["public." + "t" * 63])
    *_, bar, table = drawn(picture).splitlines()
    assert bar.split()[0] == "compare"
    assert " 75 %" in bar
    assert bar.endswith("750 of 1,000 rows")
    assert table.strip().startswith("reading public.ttt")
    assert max(len(bar), len(table)) <= 80


def test_views_are_filled_below_the_rows_that_are_compared_meanwhile() -> None:
    picture = running("check", "prepare", "restore", "repair")
    picture.run.state = replace(picture.run.state, current="fill")
    picture.run.reading = Reading({"public.orders": 750}, rows=750)
    compared, filled = drawn(picture).splitlines()[-2:]
    assert compared.split()[0] == "compare"
    assert compared.endswith("750 of 750 rows")
    assert filled.split() == ["fill", "0:00:00"]


def test_a_restore_of_plain_sql_shows_no_percent() -> None:
    picture = running("check", "prepare")
    picture.run.work = Work()
    assert drawn(picture).splitlines()[-1].split() == ["restore", "0:00:00"]


def test_a_reset_is_a_phase_only_where_there_is_one() -> None:
    assert "reset" in drawn(running("check", "prepare", "reset", strategy=RESET_SCHEMA))


def test_a_run_that_is_through_shows_nothing_as_running() -> None:
    walked = [step.name for step in REHEARSED if step.runs(SWAP) and not step.within]
    picture = replace(running(*walked), steps=REHEARSED)
    assert drawn(picture).splitlines()[-1].split() == [REHEARSED[-1].phase, "1.0", "s"]


def test_steps_show_themselves_from_the_first_on() -> None:
    steps = Stepping()
    assert drawn(steps).strip() == ""
    steps.begin("check extensions")
    assert drawn(steps).split()[:2] == ["check", "extensions"]


def test_a_long_list_is_wrapped_and_cut_but_a_path_is_neither() -> None:
    path = "/" + "p" * 200
    facts = {"archive": path, "objects": ", ".join(f"{n} table" for n in range(99)), "previous": ""}
    written = summary.lines(facts, whole=False)
    assert written[0].endswith(path)
    assert len(written) == 3
    assert max(len(line) for line in written[1:]) <= 80
    assert written[-1].endswith("…")
    assert "98 table" in summary.lines(facts, whole=True)[-1]


@pytest.mark.parametrize("name", ["objects", "audit", "dropped"])
def test_a_list_is_wrapped_between_its_words_and_aligned(name: str) -> None:
    value = ", ".join(f"table-{'long-' * n}name" for n in range(16))
    written = summary.lines({name: value}, whole=True)
    assert len(written) > 2
    assert written[0].startswith(f"  {name} ")
    assert {len(line) - len(line.lstrip()) for line in written[1:]} == {summary.LABEL + 3}
    assert " ".join(line.removeprefix(f"  {name} ").strip() for line in written) == value


@pytest.mark.parametrize(
    ("proof", "told"),
    [
        (Proof("off", 0, 0, (), unproven=Unproven.NO_MANIFEST), "objects only; rows NOT proven: no manifest"),
        (
            Proof("off", 0, 0, (), unproven=Unproven.ADOPTED),
            "objects only; rows NOT proven: the archive was adopted, so nobody knows what dev held",
        ),
        (
            Proof("off", 0, 0, (), unproven=Unproven.PLAIN_SQL),
            "nothing; rows NOT proven: plain SQL has no list of objects and no manifest",
        ),
        (
            Proof("off", 0, 0, (), unproven=Unproven.OFF),
            "objects only; rows NOT proven: they were not to be compared",
        ),
        (
            Proof("count", 2, 1234, (), unproven=Unproven.COUNTED),
            "2 tables, 1,234 rows: as many as were dumped; rows NOT proven: they were only counted",
        ),
        (
            Proof("exact", 2, 9, (), (Compared("a", 4, 4, hashed=True), Compared("b", 5, 5, hashed=False))),
            "2 tables, 9 rows: as many as were dumped; rows NOT proven: 1 of 2 tables were only counted",
        ),
        (
            Proof("exact", 1, 9, (), (Compared("a", 9, 9, hashed=True),)),
            "1 tables, 9 rows: rows and hashes equal to what was dumped",
        ),
        (Proof("exact", 0, 0, ()), "objects; no table with rows"),
        (Proof("exact", 1, 9, (finding("contents", Severity.ERROR),)), "NOT proven: 1 difference(s)"),
    ],
)
def test_what_is_proven_and_what_is_not_is_told(proof: Proof, told: str) -> None:
    assert proof.sentence == told
    assert summary.of_run(summary.Ended(replace(promoted(), proof=proof)))["proven"] == told


def test_what_only_prod_had_is_told_once_in_the_past_and_where_it_is_now() -> None:
    done = promoted()
    assert done.plan
    assert done.proof
    assert done.cut_over
    foretold, was = "TABLE public.a is only in prod; it would be lost.", "TABLE public.a was only in prod."
    lost = Loss("loss_preview", Severity.WARNING, "public.a", foretold, "Bring it.", afterwards=was)
    gone = Finding("rights_kept", Severity.INFO, "table public.a", "Not in the new database.")
    lossy = replace(
        done,
        repair=None,
        plan=replace(done.plan, losses=(lost,)),
        proof=replace(done.proof, findings=(gone,)),
    )
    previous = done.cut_over.previous
    (told,) = summary.of_interest(lossy)
    assert told.message == f"Now in {previous}: {was}"
    assert told.hint == f"Copy it from the database {previous}; pgpromote rollback brings all of it back."
    rehearsed = replace(lossy, cut_over=None, prod=ProdState.UNTOUCHED)
    assert [(each.message, each.hint) for each in rehearsed.lost] == [(foretold, "Bring it.")]
    in_place = replace(
        rehearsed,
        strategy=CLEAN,
        prod=ProdState.RENEWED,
        prepared=Prepared((), "", Path("/safe/shop_1.dump"), ()),
    )
    assert [each.message for each in summary.of_interest(in_place)] == [
        f"Now in the safety archive shop_1.dump: {was}"
    ]
    bare, dropped = replace(in_place, prepared=None), replace(lossy, kept=Kept((previous,), ()))
    for state in (bare, dropped):
        assert [(each.message, each.hint) for each in state.lost] == [(f"Gone: {was}", "")]


def test_what_was_accepted_by_name_is_told_first() -> None:
    accepted = Finding(
        "plausible", Severity.WARNING, "public.a", f"public.a held 5 row(s) in prod. {ACCEPTED}"
    )
    done = replace(promoted(), checked=checked(accepted))
    assert accepted in summary.of_interest(done)


def test_losses_stand_beside_the_checks_that_passed() -> None:
    done, plan = replace(promoted(), proof=None), Plan((), (), 1000, 2000)
    accepted = Finding(
        "plausible", Severity.WARNING, "public.a", f"public.a held 5 row(s) in prod. {ACCEPTED}"
    )
    odd = Finding("client_tools", Severity.WARNING, "", "It is old.")
    gone, new = (Finding("loss_preview", each, "b", "b") for each in (Severity.WARNING, Severity.INFO))

    def checks(*findings: Finding, losses: tuple[Finding, ...] = ()) -> str:
        state = replace(done, checked=checked(*findings), plan=replace(plan, losses=losses))
        return summary.of_run(summary.Ended(state))["checks"]

    assert checks(losses=(new,)) == "all passed"
    assert checks(accepted) == "passed, 1 loss(es) accepted"
    assert checks(odd, losses=(gone, new)) == "client_tools warned, 1 loss(es) of prod's own"


def test_what_to_do_about_a_refusal_stands_on_a_line_of_its_own() -> None:
    refused = Refused([Finding("prod_reachable", Severity.ERROR, "prod", "It said no", "Check the user.")])
    assert str(refused).splitlines()[1:] == [
        "  - [prod_reachable] It said no",
        "    → Check the user.",
        "Prod is untouched.",
    ]


def test_a_dump_into_an_empty_place_shows_no_percent() -> None:
    shown = drawn(Dumping("Dumping", Path("/nonexistent/shop.dump"), Count(tables=3)))
    assert "0 bytes, 3 tables, 0:00:00" in shown
    assert "%" not in shown


def test_a_plan_claims_no_more_than_is_known_of_the_archive() -> None:
    empty, lost = Plan((), (), 1000, 2000), Finding("loss_preview", Severity.WARNING, "b", "b")
    aim = Aim(Path("a.dump"), archive_of(), SWAP, Filters(), sha256="", manifest=MANIFEST)
    adopted = replace(aim, manifest=replace(MANIFEST, adopted_at="2026-01-01"))
    plain = replace(aim, archive=PlainSql(Path("a.sql")))
    assert summary.loss(empty, aim) == "prod would lose nothing"
    assert summary.loss(replace(empty, losses=(lost,)), aim) == "prod would lose what follows"
    for unknown in (adopted, replace(aim, manifest=None)):
        assert summary.loss(empty, unknown).startswith(
            "prod would lose no object; whether it would lose rows"
        )
        assert "and perhaps more" in summary.loss(replace(empty, losses=(lost,)), unknown)
    assert summary.loss(empty, plain).startswith("what prod would lose is not known")
