"""One promotion in a process of its own; it prints its results as JSON. `python -m … walk` or `… dagster`."""

import time

from pgpromote.run.steps import RETAIN, promote

STARTED = time.monotonic()

import json  # noqa: E402 - the imports are measured, too
import sys  # noqa: E402
from contextlib import redirect_stdout  # noqa: E402
from dataclasses import asdict, dataclass  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from pathlib import Path  # noqa: E402
from uuid import uuid4  # noqa: E402

from pgpromote import report as reports  # noqa: E402
from pgpromote.postgres import audit, dump  # noqa: E402
from pgpromote.promotion import Promotion  # noqa: E402
from pgpromote.run.options import DEFAULTS  # noqa: E402
from pgpromote.run.run import start  # noqa: E402
from pgpromote.settings import from_environment  # noqa: E402
from pgpromote_tests.bench.trace import Trace, watching  # noqa: E402


@dataclass(frozen=True)
class Outcome:
    """The extent of the proof, and how long prod was unavailable by the cut-over's own clock."""

    proof: str
    tables: int
    rows: int
    gap_ms: float
    phases: dict[str, float]


def walk(promotion: Promotion) -> Outcome:
    """Dump, promote, audit and report, as `dump`, `restore` and `audit` of the command line do."""
    run_id, seconds = uuid4().hex, {}
    started = time.monotonic()
    dump.dump(promotion.source(), promotion.archive_path, promotion.tools(), run_id)
    seconds["Dump"] = time.monotonic() - started
    with start(promotion, run_id, DEFAULTS) as run:
        promote(run)
        RETAIN.walk(run)
        record = run.state
    seconds |= {step.title: step.seconds for step in record.steps}
    started = time.monotonic()
    audited = audit.audit(promotion.audited(), run_id, dev=promotion.compared())
    seconds["Audits"] = time.monotonic() - started
    started = time.monotonic()
    reports.write(reports.build(record, audited, datetime.now(UTC)), promotion.report_dir)
    seconds["Report"] = time.monotonic() - started
    assert record.succeeded, record.failure
    assert record.proof is not None
    assert record.cut_over is not None
    proof = record.proof
    return Outcome(proof.mode, proof.tables, proof.rows, record.cut_over.downtime_ms, seconds)


def refresh(promotion: Promotion, trace: Trace) -> Outcome:
    """Run the job `refresh_prod` in this process."""
    from pgpromote.defs.factory import build_promotion  # noqa: PLC0415 - only here Dagster is paid for
    from pgpromote_tests import runs as jobs  # noqa: PLC0415 - same

    quiet = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
    with trace.part("Dagster: definitions"):
        job = build_promotion(promotion).resolve_job_def("refresh_prod")
    with trace.part("Dagster: the run"):
        result = job.execute_in_process(run_config=quiet, raise_on_error=False)
    assert result.success, jobs.failure_of(result)
    shown = jobs.metadata_of(result, "prod_schema")
    steps = {
        event.step_key: event.step_success_data.duration_ms / 1000
        for event in result.all_events
        if event.is_step_success and event.step_key is not None
    }
    return Outcome(
        str(shown["proof"].value),
        int(str(shown["proven tables"].value)),
        int(str(shown["proven rows"].value)),
        float(str(shown["gap (ms)"].value)),
        steps,
    )


def peak_bytes() -> int:
    """Return the peak memory of this process, in bytes.

    Not by getrusage: Linux counts there the memory of the parent process, too.
    """
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peak) * 1024


def main(how: str) -> None:
    """Promote by the given method, and print the recorded results."""
    trace = Trace()
    trace.add("imports", time.monotonic() - STARTED)
    if how == "dagster":
        with trace.part("Dagster: imports"):
            import pgpromote_tests.runs  # noqa: F401, PLC0415 - here, so that its time is told apart
    with redirect_stdout(sys.stderr), watching(trace), trace.part("others"):
        with trace.part("settings"):
            promotion = from_environment()
        outcome = refresh(promotion, trace) if how == "dagster" else walk(promotion)
    told = {
        **asdict(outcome),
        "parts": {name: asdict(part) for name, part in trace.parts.items()},
        "commands": trace.commands,
        "peak_bytes": peak_bytes(),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
