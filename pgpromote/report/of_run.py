"""Write the report of a run when it ends, well or not."""

from datetime import UTC, datetime

from pgpromote.postgres.audit import Audit
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.report.content import build
from pgpromote.report.directory import Written, write
from pgpromote.run.run import Run

NOT_AUDITED = Audit((), ())


def write_run(run: Run, audited: Audit = NOT_AUDITED, problem: str = "") -> Written:
    """Write the report of a run as it is now. `problem` is what failed beside its steps.

    Raises ArchiveError for a manifest that cannot be read, InvalidUrl, ConfigError.
    """
    report = build(run.state, audited, datetime.now(UTC), problem)
    return write(report, run.promotion.report_dir)


def write_failure(run: Run, problem: str, audited: Audit = NOT_AUDITED) -> str:
    """Write the report of a run that failed, and say where it lies.

    Where none can be written, say why: the error of the run stays the one that counts.
    """
    try:
        return f"The report is in {write_run(run, audited, problem).page}."
    except PgpromoteError as error:
        return f"There is no report of this run. {error}"
