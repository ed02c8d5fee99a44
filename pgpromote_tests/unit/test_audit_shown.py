"""What `pgpromote audit` prints: the worst first, each with its fix, what is suppressed at the end."""

from dataclasses import replace

import pytest

from pgpromote.postgres import audit
from pgpromote.postgres.keys.repair import Repair, Skipped
from pgpromote.postgres.model import Finding, Severity
from pgpromote.terminal import screen

INDEX = Finding("index_invalid", Severity.WARNING, "public.i", "Not valid.", fix="REINDEX INDEX public.i;")
CACHE = Finding("table_unlogged", Severity.ERROR, 'public."a\nb"', "Unlogged.")
COLUMN = Finding("not_null_without_default", Severity.INFO, "public.t.n", "It is integer.", fix="ALTER ...;")


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what was printed, without the reasons for the rules."""
    whys = {audit.describe(rule) for rule in audit.RULES}
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line not in whys]


def test_an_audit_shows_the_worst_first_and_what_is_suppressed_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found: dict[str, list[Finding]] = {
        COLUMN.rule: [COLUMN],
        INDEX.rule: [INDEX],
        CACHE.rule: [CACHE],
        "index_duplicate": [],
        "comparison": [Finding("comparison", Severity.WARNING, "dev:5432/shop", "Not compared.")],
    }
    screen.show_audit(found, [INDEX])

    lines = told(capsys)

    begins = [line.split(":")[0] for line in lines]
    assert begins == [
        "error table unlogged", 'public."a\\nb"',
        "warning index invalid", "public.i", "→ REINDEX INDEX public.i;",
        "warning comparison", "dev",
        "info not null without default", "public.t.n", "→ ALTER ...;",
        "ok 1 rules found nothing",
        "suppressed index invalid", "public.i",
    ]  # fmt: skip


def test_columns_without_default_are_told_a_table_a_line_and_lost_ones_by_themselves(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def column(name: str, severity: Severity = Severity.INFO) -> Finding:
        return replace(COLUMN, object=name, severity=severity)

    found = [
        column("public.a.one"),
        column("public.a.two"),
        column("public.a.lost", Severity.WARNING),
        column("public.b.one"),
    ]
    screen.show_audit({COLUMN.rule: found})

    lines = told(capsys)
    assert lines[1:6] == [
        "public.a.lost: It is integer.",
        "→ ALTER ...;",
        "public.a: one, two",
        "public.b.one: It is integer.",
        "→ ALTER ...;",
    ]


def test_a_long_audit_is_counted_and_cut_rule_by_rule(capsys: pytest.CaptureFixture[str]) -> None:
    columns = [replace(COLUMN, object=f"public.t{n}.{name}") for n in range(30) for name in ("a", "b")]
    indexes = [replace(INDEX, object=f"public.i{n}", fix="") for n in range(40)]
    screen.show_audit({COLUMN.rule: columns, INDEX.rule: indexes}, [CACHE] * 50)

    lines = told(capsys)
    assert [line for line in lines if "…" in line] == [
        "… and 35 more; --json shows them",
        "… and 27 more; --json shows them",
        "… and 47 more; --json shows them",
    ]
    assert len(lines) < 24


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
    screen.show_audit({INDEX.rule: [replace(INDEX, message="It is not valid. " * 9, fix=fix)]})

    *lines, remedy, _ = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 + len("\x1b[2m\x1b[0m")
    assert remedy == f"      → {fix}"
