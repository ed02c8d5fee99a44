"""Lists of findings on a terminal: the worst first, by rule, counted, cut with the way to see all."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from pgpromote.postgres.errors import NotProven, Refused, RestoreFailed
from pgpromote.postgres.excerpt import cut
from pgpromote.postgres.model import Finding, RestoreError, Severity
from pgpromote.terminal import listing


def found(rule: str, severity: Severity, names: Iterable[object], hint: str = "") -> list[Finding]:
    return [Finding(rule, severity, f"public.{name}", f"public.{name} is odd.", hint) for name in names]


def test_a_list_that_fits_is_told_whole_and_a_longer_one_says_how_many_follow_and_where_all_are() -> None:
    assert cut(["a", "b"], 2, "see there") == ["a", "b"]
    assert cut([str(n) for n in range(1203)], 2, "see there") == ["0", "1", "… and 1,201 more; see there"]
    assert cut(["a", "b", "c"], 1) == ["a", "… and 2 more"]


@pytest.mark.parametrize("named", [False, True])
def test_no_line_stands_for_one_hidden_line_alone(named: bool) -> None:
    assert cut(["a", "b"], 1) == ["a", "b"]
    for severity, shown in listing.SHOWN.items():
        told = listing.told(found("odd", severity, range(shown + 1), "Look."), named=named)
        assert len(told) == shown + 2
        assert told[-1] == "→ Look."
    assert "more" not in str(NotProven(found("a", Severity.ERROR, range(11))))
    several = [
        *found("a", Severity.WARNING, "ab"),
        *found("b", Severity.INFO, "c"),
        *found("d", Severity.INFO, "e"),
    ]
    assert len(listing.at_the_end(several, whole=False)) == 4
    assert "more" not in "".join(listing.at_the_end(several, whole=False))


def test_findings_are_told_by_severity_and_rule_and_more_of_them_the_worse_they_are() -> None:
    many = [
        *found("new", Severity.INFO, range(1000)),
        *found("odd", Severity.WARNING, range(20)),
        *found("bad", Severity.ERROR, range(30)),
        *found("old", Severity.INFO, range(1)),
    ]
    told = listing.told(many)
    more = [line for line in told if line.startswith("…")]
    assert more == [f"… and {n} more; --json shows them" for n in (20, 15, 997)]
    assert [told.index(line) for line in more] == [10, 16, 20]
    assert told[-1] == "public.0 is odd."


def test_a_remedy_is_told_once_for_findings_in_a_row_that_share_it() -> None:
    same = found("odd", Severity.WARNING, "ab", "Look.")
    assert listing.told([*same, *found("odd", Severity.WARNING, "c", "Mend.")]) == [
        "public.a is odd.", "public.b is odd.", "→ Look.", "public.c is odd.", "→ Mend.",
    ]  # fmt: skip


def test_a_fix_stands_for_a_remedy_only_in_an_audit() -> None:
    (broken,) = found("odd", Severity.WARNING, "a")
    mended = replace(broken, fix="REINDEX;")
    assert listing.told([mended]) == ["public.a is odd."]
    assert listing.told([mended], named=True) == ["public.a is odd.", "→ REINDEX;"]


def test_the_end_of_a_run_has_a_line_for_each_of_the_worst_rules_and_counts_the_rest() -> None:
    many = [*found("new", Severity.INFO, range(1184)), *found("odd", Severity.WARNING, "abc")]
    assert listing.at_the_end(many, whole=False) == [
        "    public.a is odd.",
        "    public.b is odd.",
        "    public.0 is odd.",
        "    … and 1,184 more; the report shows them",
    ]


def test_the_end_of_a_run_is_narrow_on_a_terminal_and_never_shortened_off_it() -> None:
    long = [replace(*found("odd", Severity.WARNING, "a"), message="It is " + "long " * 30)]
    (narrow,) = listing.at_the_end(long, whole=False)
    assert narrow.startswith("    public.a: It is long")
    assert narrow.endswith(" …")
    assert len(narrow) <= 80
    assert listing.at_the_end(long, whole=True) == [f"    public.a: {long[0].message}"]


def test_the_end_of_a_run_is_counted_off_a_terminal_too() -> None:
    """A first promotion into an empty prod has an information for each object: 20,000 of large objects."""
    many = [*found("new", Severity.INFO, range(20_000)), *found("odd", Severity.WARNING, range(9))]
    lines = listing.at_the_end(many, whole=True)
    assert len(lines) == 5 + 1 + 3 + 1
    assert lines[5] == "    … and 4 more; the report shows them"
    assert lines[-1] == "    … and 19,997 more; the report shows them"


@pytest.mark.parametrize(
    "error",
    [
        Refused([*found("a", Severity.ERROR, range(500)), *found("b", Severity.ERROR, range(2))]),
        NotProven(found("a", Severity.ERROR, range(500))),
        RestoreFailed([RestoreError("TABLE", str(n), "It exists.", "") for n in range(500)]),
    ],
    ids=["refused", "not proven", "restore failed"],
)
def test_an_error_names_the_first_of_its_reasons_and_where_all_are(error: Exception) -> None:
    assert "… and 490 more; the report shows them" in str(error)
    assert len(str(error).splitlines()) < 20


def test_a_refusal_is_cut_for_each_check_by_itself() -> None:
    told = str(Refused([*found("a", Severity.ERROR, range(500)), *found("b", Severity.ERROR, "x")]))
    assert "[b] public.x is odd." in told


def refusal(*hints: str, rule: str = "a") -> list[Finding]:
    return [
        Finding(rule, Severity.ERROR, f"t{number}", f"t{number} is odd.", hint)
        for number, hint in enumerate(hints)
    ]


@pytest.mark.parametrize(
    ("findings", "head"),
    [
        (refusal("x"), "Refused by 1 check:"),
        (refusal(*["x"] * 76), "Refused by 1 check, 76 findings:"),
        ([*refusal("x"), *refusal("", rule="b")], "Refused by 2 checks:"),
        ([*refusal(*"xy"), *refusal("", rule="b")], "Refused by 2 checks, 3 findings:"),
    ],
)
def test_a_refusal_counts_checks_and_findings(findings: list[Finding], head: str) -> None:
    assert str(Refused(findings)).splitlines()[0] == head


@pytest.mark.parametrize(
    ("hints", "told"),
    [
        ("xxx", ["t0", "t1", "t2", "x"]),
        ("xyx", ["t0", "t2", "x", "t1", "y"]),
        (("", "x", ""), ["t0", "t2", "t1", "x"]),
        ("xyz", ["t0", "x", "t1", "y", "t2", "z"]),
    ],
)
def test_a_remedy_of_several_findings_is_told_once_below_them(hints: str, told: list[str]) -> None:
    lines = str(Refused(refusal(*hints))).splitlines()[1:-1]
    assert [line.split()[2] if "[a]" in line else line.split()[-1] for line in lines] == told


def test_a_remedy_is_told_although_the_last_of_its_findings_are_cut() -> None:
    told = str(Refused(refusal(*["x"] * 76)))
    assert told.count("→ x") == 1
    assert "… and 66 more" in told
