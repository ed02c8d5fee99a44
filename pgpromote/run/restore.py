"""Restore the archive, except the entries that fill materialized views."""

from dataclasses import replace

from pgpromote.run.restore_progress import planned_for
from pgpromote.run.run import Run, needed
from pgpromote.run.state import State


def restore(run: Run) -> State:
    """Restore the archive by the login that builds, and follow the progress."""
    cleared, build = needed(run.clearance), needed(run.build)
    run.work = planned_for(cleared)
    with run.work.followed(build.database, run.run_id, run.on_line, run.on_work) as line:
        restored = build.load(cleared, run.tools, run.options.jobs, line)
    run.work = None
    return replace(run.state, restored=restored)
