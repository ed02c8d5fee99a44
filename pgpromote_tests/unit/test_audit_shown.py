"""What `pgpromote audit` prints: the worst first, then information by table, last what is suppressed."""

from dataclasses import replace

import pytest

from pgpromote.postgres import audit
from pgpromote.postgres.audit import Audit
from pgpromote.postgres.keys.repair import Repair, Skipped
from pgpromote.postgres.model import Finding, Severity
from pgpromote.terminal import screen

INDEX = Finding("index_invalid", Severity.WARNING, "public.i", "Not valid.", fix="REINDEX INDEX public.i;")
CACHE = Finding("table_unlogged", Severity.ERROR, 'public."a\nb"', "Unlogged.")
OWNERS = Finding("owner_mix", Severity.INFO, "public", "Its objects belong to a, b.")


def column(name: str, severity: Severity = Severity.INFO) -> Finding:
    table = name.rpartition(".")[0]
    return Finding(
        "not_null_without_default", severity, name, "It is integer.", fix="ALTER ...;", table=table
    )


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stdout be a terminal of 80 columns without colours."""
    on_one = screen.literal(width=80, force_terminal=True, no_color=True, color_system=None)
    monkeypatch.setattr(screen, "OUT", on_one)


def shown(capsys: pytest.CaptureFixture[str], done: Audit) -> list[str]:
    """Return what is printed, without the reasons for the rules."""
    whys = {audit.describe(rule) for rule in audit.RULES}
    screen.show_audit(done)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line not in whys]


def test_the_reason_for_a_rule_says_what_happens_if_it_is_ignored(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen.show_audit(Audit((), (INDEX,)))
    told = " ".join(capsys.readouterr().out.split())
    assert "If ignored: Queries do without it, a unique one lets duplicates in, and every write" in told


def test_an_audit_shows_the_worst_first_and_what_is_suppressed_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lost = Finding("comparison", Severity.WARNING, "dev:5432/shop", "Not compared.")
    done = Audit(
        ("index_duplicate", INDEX.rule), (OWNERS, INDEX, column("public.t.n"), CACHE, lost), (INDEX,)
    )

    lines = shown(capsys, done)

    assert [line.split(":")[0] for line in lines] == [
        "error table unlogged", 'public."a\\nb"',
        "warning index invalid", "public.i", "→ REINDEX INDEX public.i;",
        "warning comparison", "dev",
        "info owner mix", "public",
        "info public.t", "not null without default",
        "ok 1 rules found nothing",
        "suppressed index invalid", "public.i",
    ]  # fmt: skip


def test_information_is_told_a_table_and_rule_a_line_and_what_was_lost_by_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = Audit(
        (),
        (
            column("public.a.one"),
            column("public.a.two"),
            column("public.a.lost", Severity.WARNING),
            column("public.b.one"),
            Finding("foreign_key_without_index", Severity.INFO, "public.a a fkey", "No.", table="public.a"),
            Finding("index_duplicate", Severity.INFO, "public.a_again", "As public.x.", table="public.a"),
            Finding("table_without_primary_key", Severity.INFO, "public.b", "No key.", table="public.b"),
            Finding("sequence_behind", Severity.INFO, "public.b.id", "No.", judged=False, table="public.b"),
        ),
    )

    lines = shown(capsys, done)

    assert lines[1:4] == [
        "public.a.lost: It is integer.",
        "→ ALTER ...;",
        "info sequence behind: 1",
    ]
    assert lines[4] == "public.b.id: No."
    assert lines[5:-1] == [
        "info public.a",
        "not null without default: one, two",
        "foreign key without index: a fkey: No.",
        "index duplicate: public.a_again: As public.x.",
        "info public.b",
        "not null without default: one: It is integer.",
        "table without primary key: No key.",
    ]


def test_every_finding_is_either_in_its_table_or_apart() -> None:
    done = Audit((), (column("public.a.one"), column("public.b.one", Severity.WARNING), OWNERS, INDEX))
    grouped = [each for rules in done.by_table().values() for found in rules.values() for each in found]
    assert [*grouped, *done.apart] == list(done.findings)


COLUMNS = [column(f"public.t{n}.{name}") for n in range(30) for name in ("a", "b")]
INDEXES = [replace(INDEX, object=f"public.i{n}", fix="") for n in range(40)]
LONG = Audit((), (*COLUMNS, *INDEXES), (CACHE,) * 50)


@pytest.mark.usefixtures("terminal")
def test_a_long_audit_is_counted_and_cut_rule_by_rule(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, LONG)

    assert [line for line in lines if "…" in line] == [
        "… and 35 more; --json shows them",
        "… and 25 more; --json shows them",
        "… and 47 more; --json shows them",
    ]
    assert len(lines) < 60


def test_a_pipe_gets_every_finding(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, LONG)
    assert not [line for line in lines if "…" in line]
    for found in (*INDEXES, *(replace(each, object=each.table) for each in COLUMNS)):
        assert [line for line in lines if found.object in line]
    assert lines.count('public."a\\nb": Unlogged.') == 50


def test_a_pipe_gets_every_loss_check_and_repair(capsys: pytest.CaptureFixture[str]) -> None:
    screen.show_findings(INDEXES, screen.OUT)
    screen.show_findings([replace(each, severity=Severity.ERROR) for each in INDEXES])
    left = [Skipped(f"public.t{n}", "id", "trigger", f"public.t{n}.id is left alone.") for n in range(40)]
    screen.show_repair(Repair((), tuple(left), tuple(INDEXES)), done=True)
    told = capsys.readouterr()
    assert "…" not in told.out + told.err
    assert (len(told.out.splitlines()), len(told.err.splitlines())) == (40 + 1 + 40 + 40, 40)


@pytest.mark.usefixtures("terminal")
def test_join_tables_are_not_told_as_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    left = [Skipped(f"public.t{n}", "a, b", "composite", "It has two columns.") for n in range(100)]
    trigger = Skipped("public.t", "id", "trigger", "public.t.id is left alone: a trigger may fill it.")

    screen.show_repair(Repair((), (*left, *[trigger] * 7), ()), done=True)

    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [f"  {trigger.message}"] * 5 + ["  … and 2 more; --json shows them"]


def test_on_a_terminal_an_audit_is_wrapped_but_a_remedy_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(screen, "OUT", screen.literal(width=80, force_terminal=True, no_color=True))
    fix = f"REINDEX INDEX {'i' * 63}.{'j' * 63};"
    screen.show_audit(Audit((), (replace(INDEX, message="It is not valid. " * 9, fix=fix),)))

    *lines, remedy, _ = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 + len("\x1b[2m\x1b[0m")
    assert remedy == f"      → {fix}"
