"""What `pgpromote audit` prints: the worst first, then information by table, last what is suppressed."""

from dataclasses import replace

import pytest

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


def shown(capsys: pytest.CaptureFixture[str], done: Audit) -> list[str]:
    screen.show_audit(done)
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def test_an_audit_shows_the_worst_first_and_what_is_suppressed_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lost = Finding("comparison", Severity.WARNING, "dev:5432/shop", "Not compared.")
    done = Audit(
        ("index_duplicate", INDEX.rule), (OWNERS, INDEX, column("public.t.n"), CACHE, lost), (INDEX,)
    )

    lines = shown(capsys, done)

    assert [line.split(":")[0] for line in lines] == [
        "error table unlogged", 'public."a\\nb"', "If ignored",
        "warning index invalid", "public.i", "→ REINDEX INDEX public.i;", "If ignored",
        "warning comparison", "dev",
        "info owner mix", "public", "If ignored",
        "info public.t", "not null without default",
        "ok 1 rules found nothing",
        "suppressed index invalid", "public.i",
    ]  # fmt: skip
    assert lines[6] == (
        "If ignored: Queries do without it, a unique one lets duplicates in, "
        "and every write still pays for it."
    )


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
        "If ignored: An insert that does not name the column fails.",
    ]
    assert lines[5] == "public.b.id: No."
    assert lines[7:-1] == [
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


def test_a_long_audit_is_counted_and_cut_rule_by_rule(capsys: pytest.CaptureFixture[str]) -> None:
    columns = [column(f"public.t{n}.{name}") for n in range(30) for name in ("a", "b")]
    indexes = [replace(INDEX, object=f"public.i{n}", fix="") for n in range(40)]

    lines = shown(capsys, Audit((), (*columns, *indexes), (CACHE,) * 50))

    assert [line for line in lines if "…" in line] == [
        "… and 35 more; --json shows them",
        "… and 25 more; --json shows them",
        "… and 47 more; --json shows them",
    ]
    assert len(lines) < 28


def test_join_tables_are_not_told_as_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    left = [Skipped(f"public.t{n}", "a, b", "composite", "It has two columns.") for n in range(100)]
    trigger = Skipped("public.t", "id", "trigger", "public.t.id is left alone: a trigger may fill it.")

    screen.show_repair(Repair((), (*left, *[trigger] * 7), ()), done=True)

    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [f"  {trigger.message}"] * 5 + ["  … and 2 more; --json shows them"]
