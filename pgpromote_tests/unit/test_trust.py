"""What a run may trust: an archive that has a manifest, and no code of dev with a superuser's rights."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from pgpromote.postgres.checks.bare_login import Looked
from pgpromote.postgres.checks.dev_code import Code
from pgpromote.postgres.checks.rules import RULES, missing
from pgpromote.postgres.checks.trust import manifest_there
from pgpromote.postgres.model import PlainSql, Severity
from pgpromote.postgres.rows.compare import NOT_PROVEN
from pgpromote.postgres.strategy import SWAP
from pgpromote_tests.unit.plain import CATALOG, MANIFEST, found, given


@pytest.mark.parametrize("name", ["shop.dump", "a shop's.dump", "лавка.dump"])
def test_an_archive_without_a_manifest_is_refused_with_the_command_that_adopts_it(name: str) -> None:
    facts = given(path=Path("/backups") / name, manifest=None)
    ((severity, _, message, hint),) = manifest_there(facts)
    assert (severity, "has no manifest" in message) == (Severity.ERROR, True)
    assert hint.endswith(f"pgpromote adopt {shlex.quote(str(facts.path))}")
    assert "remove" not in hint


def test_an_adopted_archive_passes_with_a_warning_that_its_rows_are_not_proven() -> None:
    facts = given(manifest=replace(MANIFEST, adopted_at="2026-03-01T02:00:00+00:00"))
    assert [(s, NOT_PROVEN in message) for s, _, message, _ in manifest_there(facts)] == [
        (Severity.WARNING, True)
    ]
    for rule in ("whole_archive", "extension_contents"):
        assert missing(rule, facts) == "the archive was adopted, so its rows cannot be proven"


CODE = given(
    powers=("postgres",),
    code=tuple(Code(f"TABLE public.t{number}", "calls public.f") for number in range(7)),
)


def test_code_of_dev_as_a_superuser_is_refused_and_the_separate_login_is_named_first() -> None:
    ((severity, subject, message, hint),) = RULES["runs_dev_code"](CODE)
    assert (severity, subject) == (Severity.ERROR, CATALOG.identity.user)
    assert "7 objects" in message
    assert "TABLE public.t0 (calls public.f), TABLE public.t1 (calls" in message
    assert "and 2 more" in message
    assert hint.index("BUILD_DATABASE_URL") < hint.index("--restore-as-superuser")
    assert "PGPROMOTE_RESTORE_AS_SUPERUSER=1" in hint


def test_code_of_dev_runs_where_it_is_allowed_or_another_login_restores() -> None:
    ((severity, *_, hint),) = RULES["runs_dev_code"](given(CODE, restore_as_superuser=True))
    assert (severity, hint) == (Severity.INFO, "")
    assert found("runs_dev_code", given(CODE, builder=Looked(), strategy=SWAP)) == []
    assert found("runs_dev_code", given(CODE, powers=())) == []
    assert found("runs_dev_code", given(CODE, code=())) == []


def test_plain_sql_is_code_from_its_first_line() -> None:
    plain = given(archive=PlainSql(Path("full.sql")), manifest=None, powers=("root",))
    ((severity, _, message, _),) = RULES["runs_dev_code"](plain)
    assert severity is Severity.ERROR
    assert "which may act as root" in message
