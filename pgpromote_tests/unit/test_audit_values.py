"""Findings get worse by difference and are set apart by suppression; where nothing tells dev apart."""

import pytest

from pgpromote.postgres import audit
from pgpromote.postgres.audit import Suppression
from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.traces import traces_of


def finding(rule: str, name: str, severity: Severity = Severity.WARNING, *, judged: bool = True) -> Finding:
    return Finding(rule, severity, name, "It is so.", judged=judged)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Severity.INFO, Severity.WARNING),
        (Severity.WARNING, Severity.ERROR),
        (Severity.ERROR, Severity.ERROR),
    ],
)
def test_what_dev_has_right_is_one_step_worse_on_prod(before: Severity, after: Severity) -> None:
    (worse,) = audit.compare([], [finding("table_unlogged", "public.t", before)])
    assert (worse.severity, worse.message) == (after, "It is so. Not so on dev.")


@pytest.mark.parametrize(
    ("on_dev", "on_prod"),
    [
        ([finding("table_unlogged", "public.t", Severity.INFO)], finding("table_unlogged", "public.t")),
        ([finding("table_unlogged", "shop", judged=False)], finding("table_unlogged", "public.t")),
        ([], finding("table_unlogged", "public.t", judged=False)),
        ([], finding("never_analyzed", "public.t")),
    ],
    ids=["the same on dev", "dev not judged", "prod not judged", "a rule that does not follow dev"],
)
def test_everything_else_stays_as_it_is(on_dev: list[Finding], on_prod: Finding) -> None:
    assert audit.compare(on_dev, [on_prod]) == [on_prod]


def test_another_object_on_dev_does_not_excuse_prod() -> None:
    on_dev = [finding("table_unlogged", "public.other"), finding("index_invalid", "public.t")]
    assert audit.compare(on_dev, [finding("table_unlogged", "public.t")])[0].severity is Severity.ERROR


def test_suppressions_are_rules_and_patterns() -> None:
    assert audit.parse_suppressions(" table_unlogged:public.cache* ,index_invalid:*,") == (
        Suppression("table_unlogged", "public.cache*"),
        Suppression("index_invalid", "*"),
    )
    assert audit.parse_suppressions("") == ()


@pytest.mark.parametrize("text", ["table_unlogged", "table_unlogged:", "no_such_rule:*", ":*"])
def test_a_suppression_without_meaning_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        audit.parse_suppressions(text)


def test_suppressed_findings_are_set_apart_and_not_lost() -> None:
    cache, other = finding("table_unlogged", "public.cache_1"), finding("table_unlogged", "public.t")
    index = finding("index_invalid", "public.cache_1")
    ignored = audit.parse_suppressions("table_unlogged:public.cache*")
    done = audit.suppress([cache, other, index], ignored, audit.RULES)
    assert (done.findings, done.suppressed) == ((other, index), (cache,))
    assert done.of("table_unlogged") == [other]


def test_a_suppression_that_suppresses_nothing_is_a_finding() -> None:
    ignored = audit.parse_suppressions("table_unlogged:public.cache*")
    (unused,) = audit.suppress([], ignored, audit.RULES).findings
    assert (unused.rule, unused.severity) == ("unused_suppression", Severity.INFO)
    assert unused.object == "table_unlogged:public.cache*"


def test_a_suppression_of_a_rule_that_did_not_run_is_not_judged() -> None:
    ignored = audit.parse_suppressions("table_unlogged:*")
    assert audit.suppress([], ignored, ["index_invalid"]).findings == ()


def at(host: str, name: str = "shop") -> Database:
    return parse_url(f"postgresql://me:secret@{host}/{name}", "URL")


@pytest.mark.parametrize("host", ["prod.example", "localhost", "127.0.0.1"])
def test_nothing_is_a_trace_where_nothing_tells_dev_apart(host: str) -> None:
    assert traces_of(at(host), at("prod.example")) is None
