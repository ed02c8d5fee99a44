"""What `pgpromote audit` prints: the worst first, each with its fix, what is suppressed at the end."""

import pytest

from pgpromote import terminal
from pgpromote.postgres.model import AuditFinding, ColumnFinding, Severity

INDEX = AuditFinding("index_invalid", Severity.WARNING, "public.i", "Not valid.", "REINDEX INDEX public.i;")
CACHE = AuditFinding("table_unlogged", Severity.ERROR, 'public."a\nb"', "Unlogged.")
COLUMN = ColumnFinding(
    "not_null_without_default", Severity.INFO, "public", "t", "n", "integer", "Name it in every INSERT."
)


def test_an_audit_shows_the_worst_first_and_what_is_suppressed_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found: dict[str, list[AuditFinding | ColumnFinding]] = {
        COLUMN.rule: [COLUMN],
        INDEX.rule: [INDEX],
        CACHE.rule: [CACHE],
        "index_duplicate": [],
        "comparison": [AuditFinding("comparison", Severity.WARNING, "dev", "Not compared with dev.")],
    }
    terminal.show_audit(found, [INDEX])

    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]

    begins = [line.split(":")[0] for line in lines]
    assert begins == [
        "error table unlogged", 'public."a\\nb"',
        "warning index invalid", "public.i", "→ REINDEX INDEX public.i;",
        "warning comparison", "dev",
        "info not null without default", "public.t.n",
        "ok 1 rules found nothing",
        "suppressed index invalid",
    ]  # fmt: skip
