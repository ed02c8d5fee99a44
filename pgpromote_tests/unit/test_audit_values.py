"""Findings get worse by difference and are set apart by suppression; what counts as a trace of dev."""

import re

import pytest

from pgpromote.postgres import audit
from pgpromote.postgres.audit import Suppression
from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.server import Database, parse_url


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


def traced(dev: Database, text: str) -> bool:
    """Ask Python what PostgreSQL would be asked; the classes are all that they write differently."""
    pattern = audit.traces_of(dev, at("prod.example"))
    assert pattern is not None
    return re.search(pattern.replace("[:alnum:]", "A-Za-z0-9"), text, re.IGNORECASE) is not None


@pytest.mark.parametrize(
    "text",
    ["dev.example", "http://DEV.example/x", "host=dev.example port=1", "Ask dev.example.", "'dev.example'"],
)
def test_a_host_counts_wherever_it_is_a_word(text: str) -> None:
    assert traced(at("dev.example"), text)


@pytest.mark.parametrize(
    "text", ["mydev.example", "a.dev.example", "dev.example.org", "devxexample", "dev-example"]
)
def test_part_of_another_host_does_not_count(text: str) -> None:
    assert not traced(at("dev.example"), text)


def test_a_bare_host_and_a_database_count_only_in_a_connection() -> None:
    assert traced(at("dev"), "host = 'dev' user=x")
    assert traced(at("dev"), "http://dev:80/")
    assert not traced(at("dev"), "for dev only")
    assert traced(at("prod.example", "shop_dev"), "dbname='shop_dev'")
    assert traced(at("prod.example", "shop_dev"), "postgresql://u@h:1/shop_dev?x=1")
    assert not traced(at("prod.example", "shop_dev"), "SELECT * FROM shop_dev")


@pytest.mark.parametrize("host", ["prod.example", "localhost", "127.0.0.1"])
def test_nothing_is_a_trace_where_nothing_tells_dev_apart(host: str) -> None:
    assert audit.traces_of(at(host), at("prod.example")) is None
