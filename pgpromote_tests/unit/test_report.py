"""The report as a value, a page, a JSON twin and Markdown: what it says, and that foreign names stay text."""

import json
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]

from pgpromote import report as reports
from pgpromote.defs import metadata
from pgpromote.postgres.errors import ProdState
from pgpromote.postgres.model import Severity
from pgpromote.postgres.prove import RULES, Proof
from pgpromote.postgres.rows.compare import NOT_PROVEN, Compared, Unproven
from pgpromote.postgres.strategy import CLEAN, RESET_SCHEMA, SWAP
from pgpromote.report import Report, page
from pgpromote.report.directory import as_json
from pgpromote.run.outcome import renewed
from pgpromote.run.state import State
from pgpromote.run.steps import RESET
from pgpromote.settings import from_environment
from pgpromote.terminal import summary
from pgpromote_tests import runs
from pgpromote_tests.unit.reports import (
    BIDI,
    EMPTY,
    HOSTILE,
    NOT_AUDITED,
    NOW,
    SECONDS,
    audited,
    checked,
    failed,
    finding,
    promoted,
)

ERRORS = (finding("contents", Severity.ERROR),)
RECORDS = {"promoted": promoted(), "failed": failed(), "empty": EMPTY}


def test_reports_lie_where_the_setting_says() -> None:
    assert from_environment({}).report_dir == Path("data/reports").absolute()
    assert from_environment({"PGPROMOTE_REPORT_DIR": "/shown"}).report_dir == Path("/shown")


def rehearsed() -> State:
    return replace(promoted(), cut_over=None, current="analyze", prod=ProdState.UNTOUCHED)


def report_of(state: State) -> Report:
    return reports.build(state, audited(), NOW)


def rendered(report: Report) -> str:
    return "".join(reports.render(report))


def validator() -> Any:
    schema = json.loads(files("pgpromote.report").joinpath("schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


class Page(HTMLParser):
    """Takes a page apart: its elements with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("name", RECORDS)
def test_the_json_twin_is_as_its_schema_promises(name: str) -> None:
    validator().validate(json.loads("".join(as_json(report_of(RECORDS[name])))))


def everything(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """List the paths of all objects in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if isinstance(value, dict):
        yield path
    for key, each in inner:
        yield from everything(each, (*path, key))


def test_the_schema_names_every_field_of_every_object() -> None:
    """A field that is added to the report and not to the schema must not pass."""
    schema, twin = validator(), json.loads("".join(as_json(report_of(promoted()))))
    free = {("manifest", "extensions"), ("manifest", "counts"), ("manifest", "contents")}
    free |= {("manifest", "members")}
    for path in set(everything(twin)) - free:
        changed = json.loads(json.dumps(twin))
        place = changed
        for key in path:
            place = place[key]
        place["another"] = 1
        with pytest.raises(ValidationError):
            schema.validate(changed)


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (promoted(), "promoted"),
        (rehearsed(), "rehearsed"),
        (replace(promoted(), cut_over=None, strategy=CLEAN), "promoted"),
        (failed(), "failed"),
        (replace(EMPTY, checked=checked(*ERRORS)), "failed"),
        (replace(rehearsed(), proof=Proof("exact", 1, 1, ERRORS)), "failed"),
        (EMPTY, "partial"),
    ],
)
def test_the_verdict_says_how_the_run_ended(state: State, verdict: str) -> None:
    report = report_of(state)
    assert report.verdict.value == verdict
    assert bool(report.failure) is (verdict == "failed")
    assert page.HEADLINES[report.verdict] in rendered(report)
    assert page.HEADLINES[report.verdict] in reports.summary(report)


@pytest.mark.parametrize(
    "proof",
    [
        Proof("off", 0, 0, (), unproven=Unproven.ADOPTED),
        Proof("off", 0, 0, (), unproven=Unproven.OFF),
        Proof("count", 3, 81, (), unproven=Unproven.COUNTED),
        Proof("exact", 1, 81, (), (Compared(HOSTILE, 81, 81, hashed=False),)),
    ],
)
@pytest.mark.parametrize("state", [promoted(), rehearsed()], ids=["promoted", "rehearsed"])
def test_what_is_not_proven_stands_in_the_head_in_the_same_words_everywhere(
    proof: Proof, state: State
) -> None:
    record = replace(state, proof=proof)
    report = report_of(record)
    head = rendered(report).partition("</header>")[0]
    assert f"{NOT_PROVEN}" in head.partition("</title>")[0]
    assert "doubtful" in head
    assert page.HEADLINES[report.verdict] not in head
    for told in (
        head,
        reports.summary(report),
        summary.of_run(summary.Ended(record))["proven"],
        str(metadata.summary(record)["summary"].value),
        str(metadata.proof(proof)["proven"].value),
    ):
        assert proof.sentence in told
        assert NOT_PROVEN in told
    assert proof.doubt in renewed(record)
    verdicts = {r["what"]: r["findings"] for r in runs.records(metadata.proof(proof)["proof summary"])}
    assert verdicts[RULES["contents"]] == proof.doubt


def test_each_table_shows_its_rows_before_in_the_archive_and_after() -> None:
    rows = {each.table: (each.before, each.archive, each.after) for each in report_of(promoted()).rows}
    assert rows == {
        HOSTILE: (29, 30, 30),
        "public.orders": (0, 50, 50),  # new
        "public.secret": (None, None, 0),  # not ours to read, and gone
        BIDI: (7, None, 0),  # gone
        "public.same": (1, 1, 1),
    }
    assert list(rows)[-1] == "public.same"


UNPROVEN = replace(rehearsed(), failure="3 rows are lost.")


@pytest.mark.parametrize(
    "state",
    [
        UNPROVEN,
        replace(UNPROVEN, failure="", proof=Proof("exact", 1, 1, ERRORS)),
        replace(UNPROVEN, failure="", checked=checked(*ERRORS)),
    ],
    ids=["a step failed", "the proof failed", "a check refused"],
)
def test_what_a_failed_run_built_beside_prod_is_never_shown_as_prods(state: State) -> None:
    report = report_of(state)
    assert {each.after for each in report.rows} == {None}
    assert {each.after for each in report.objects} == {None}
    assert [each for each in report.rows if each.changed] == []


def test_a_failure_outside_the_steps_shows_no_shadow_as_prod_either() -> None:
    report = reports.build(rehearsed(), audited(), NOW, "The run was refused.")
    assert {each.after for each in report.rows} == {None}
    assert {each.after for each in report.objects} == {None}


def test_a_prod_that_was_left_alone_is_compared_with_the_archive() -> None:
    differing = len([each for each in report_of(UNPROVEN).rows if each.differs])
    assert differing
    page = rendered(report_of(UNPROVEN))
    assert f"{differing} with another number of rows in the archive" in page
    assert "prod was not counted again" in page
    assert "rows in the archive" not in rendered(report_of(promoted()))


@pytest.mark.parametrize(
    "state",
    [
        promoted(),
        replace(promoted(), failure="The audit failed."),
        replace(UNPROVEN, strategy=CLEAN),
        rehearsed(),
    ],
    ids=["promoted", "failed after the swap", "failed in place", "rehearsed"],
)
def test_what_became_prod_or_would_have_is_shown(state: State) -> None:
    report = report_of(state)
    assert {each.table: each.after for each in report.rows}["public.orders"] == 50
    assert {each.kind: each.after for each in report.objects}["TABLE"] == 3


def test_objects_of_each_kind_are_counted_before_and_after() -> None:
    counted = [(each.kind, each.before, each.after) for each in report_of(promoted()).objects]
    assert counted == [("INDEX", 2, 0), ("TABLE", 4, 3), ("VIEW", 0, 1)]


def test_findings_stand_under_their_rule_the_worst_first() -> None:
    record = replace(promoted(), checked=checked(finding("a", Severity.INFO), finding("b", Severity.ERROR)))
    report = report_of(record)
    assert [(rule.rule, rule.findings[0].severity.value) for rule in report.rules] == [
        ("b", "error"),
        ("sequences", "warning"),
        ("nearly_used_up", "warning"),
        ("primary_key_without_identity", "warning"),
        ("a", "info"),
        ("not_null_without_default", "info"),
    ]
    explained = {rule.rule: rule.explanation for rule in report.rules}
    assert explained["sequences"].startswith("No sequence is behind")
    assert explained["primary_key_without_identity"].startswith("Integer primary keys without")
    assert [report.count(severity) for severity in Severity] == [1, 5, 2]


def test_losses_rights_and_suppressed_findings_have_their_own_place() -> None:
    report = report_of(promoted())
    assert [each.object for each in report.losses or ()] == [BIDI]
    assert [each.rule for each in report.rights.findings] == ["rights_kept"]
    assert [each.object for each in report.suppressed] == [f"accepted.{HOSTILE}"]
    assert {"loss_preview", "rights_kept"}.isdisjoint(rule.rule for rule in report.rules)


def test_a_reset_is_shown_only_for_the_strategy_that_resets() -> None:
    for strategy in (SWAP, CLEAN):
        assert not RESET.runs(strategy)
    assert RESET.runs(RESET_SCHEMA)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("shop.orders.total", "shop.orders"),
        ('shop."Old. ""orders".total', 'shop."Old. ""orders"'),
        ('"a.b".c."d.e"', '"a.b".c'),
        ("shop.orders", "shop.orders"),
        ("table shop.orders", "table shop.orders"),
        ("prod", "prod"),
        ("", ""),
    ],
)
def test_a_finding_on_a_column_belongs_to_its_table(name: str, table: str) -> None:
    assert page.table_of(name) == table


def test_the_head_names_each_rule_that_warns_once_the_worst_first() -> None:
    found = [finding("a"), finding("b", Severity.ERROR), finding("c", Severity.INFO), finding("a")]
    report = report_of(replace(promoted(), checked=checked(*found)))
    told = [(each.rule, each.number) for each in page.worst(report)]
    assert told[:3] == [("b", 1), ("loss_preview", 1), ("a", 2)]
    assert "c" not in dict(told)
    head = rendered(report).partition("</header>")[0]
    assert "a: 2" in head
    assert f"… and {len(told) - page.SHOWN} more rules, below" in head


def test_nothing_of_a_folded_page_is_left_out() -> None:
    many = [finding("new", Severity.INFO, f"public.t{n // 3}.c{n}") for n in range(900)]
    texts = "".join(Page(rendered(report_of(replace(promoted(), checked=checked(*many))))).texts)
    assert all(f"public.t{n // 3}.c{n} is odd." in texts for n in range(900))


def test_the_timeline_lays_the_steps_one_after_the_other() -> None:
    bars = page.bars(report_of(promoted()).steps)
    whole = sum(SECONDS.values())
    assert [(bar.start, bar.width) for bar in bars[:3]] == [
        (0, 100 * 1.5 / whole),
        (100 * 1.5 / whole, round(100 * 0.5 / whole, 2)),
        (round(100 * 2 / whole, 2), round(100 * 40 / whole, 2)),
    ]
    assert all(bar.start + bar.width <= 100.01 for bar in bars)
    assert page.bars(()) == []


def test_a_step_that_takes_no_time_can_still_be_seen_at_the_end() -> None:
    steps = report_of(promoted()).steps
    (*_, last) = page.bars((*steps, replace(steps[-1], started_at=NOW, seconds=0.0)))
    assert (last.width, last.start) == (page.NARROWEST, 100 - page.NARROWEST)


@pytest.mark.parametrize("state", [promoted(), failed()], ids=["promoted", "failed"])
def test_names_that_look_like_markup_stay_text(state: State) -> None:
    seen = Page(rendered(report_of(state)))
    assert "script" not in {tag for tag, _ in seen.elements}
    assert HOSTILE in "".join(seen.texts)
    assert "49" not in "".join(seen.texts)  # a template in a name is not evaluated


def test_a_name_cannot_turn_the_text_around() -> None:
    assert "\u202e" not in rendered(report_of(promoted()))
    assert "\\u202eevil" in rendered(report_of(promoted()))
    assert "\u202e" not in reports.summary(report_of(promoted()))


def test_the_page_refers_to_nothing_outside_of_itself() -> None:
    html = rendered(report_of(promoted()))
    seen = Page(html)
    attributes = {name for _, found in seen.elements for name in found}
    assert attributes.isdisjoint({"src", "href", "xlink:href", "action", "data", "srcset", "style"})
    assert {"script", "link", "iframe", "img", "object", "form"}.isdisjoint(tag for tag, _ in seen.elements)
    assert "url(" not in html
    assert "@import" not in html


def test_every_fix_and_every_statement_is_there_to_copy() -> None:
    report = report_of(promoted())
    texts = Page(rendered(report)).texts
    wanted = [found.fix for rule in report.rules for found in rule.findings if found.fix]
    wanted += [f"{statement.sql};" for statement in report.rights.statements]
    assert len(wanted) == 2
    assert set(wanted) <= set(texts)


def test_markdown_keeps_foreign_names_as_text_in_one_line() -> None:
    summary = reports.summary(report_of(failed()))
    (told,) = [line for line in summary.splitlines() if line.startswith("- Failed")]
    assert told.endswith("Prod is untouched.")
    rows = [line for line in reports.summary(report_of(promoted())).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {5}
    for sign in "<>`[]{}\"'(":
        assert sign not in "".join(rows)


def test_a_report_without_audits_has_only_the_runs_own_findings() -> None:
    report = reports.build(promoted(), NOT_AUDITED, NOW)
    assert "primary_key_without_identity" not in {rule.rule for rule in report.rules}
    assert report.suppressed == ()


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0.00 s"), (59.994, "59.99 s"), (61.5, "1 min 2 s"), (7260, "2 h 1 min")]
)
def test_durations_are_written_for_people(value: float, shown: str) -> None:
    steps = (replace(report_of(promoted()).steps[0], seconds=value),)
    assert shown in rendered(replace(report_of(EMPTY), steps=steps))
