"""Write the report of a run at its end, whether it succeeded or failed."""

from datetime import UTC, datetime

from pgpromote.postgres.audit import Audit
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.report.content import build
from pgpromote.report.directory import Written, write
from pgpromote.run.run import Run

NOT_AUDITED = Audit((), ())


def write_run(run: Run, audited: Audit = NOT_AUDITED, problem: str = "") -> Written:
    """Write the report of a run in its present state. `problem` is a failure outside its steps.

    Raises ArchiveError for a manifest that cannot be read, InvalidUrl, ConfigError.
    """
    report = build(run.state, audited, datetime.now(UTC), problem)
    return write(report, run.promotion.report_dir)


def write_failure(run: Run, problem: str, audited: Audit = NOT_AUDITED) -> tuple[str, Written | None]:
    """Write the report of a failed run; return a sentence that names the file, and the report.

    If none can be written, the sentence gives the reason: the run's own error stays the one that counts.
    """
    try:
        written = write_run(run, audited, problem)
    except PgpromoteError as error:
        return f"There is no report of this run. {error}", None
    return f"The report is in {written.page}.", written
