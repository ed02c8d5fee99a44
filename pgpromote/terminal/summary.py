"""The summary of a run on one screen: at most 24 lines of 80 columns, with names of ordinary length.

`whole` cuts no line: piped output is a mail or a log. Names of keys are counted and cut in both.
"""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from pgpromote.postgres import disk
from pgpromote.postgres.errors import IN_REPORT
from pgpromote.postgres.excerpt import ERRORS, cut
from pgpromote.postgres.losses import plausible
from pgpromote.postgres.model import Aim, Archive, Finding, Manifest, Severity
from pgpromote.postgres.strategy import Strategy

# Types of summarised values: the summary of a dump loads nothing of a run.
if TYPE_CHECKING:
    from pgpromote.postgres.keys.repair import Repair, Skipped
    from pgpromote.postgres.loading.restore import Restored
    from pgpromote.postgres.losses.plan import Plan
    from pgpromote.run.state import State

Facts = dict[str, str]
LABEL = 12
WIDTH = 80
LINES_PER_FACT = 2
# These are copied in one piece; all else is wrapped where lines are.
PIECES = {"archive", "sha256", "report", "safety", "fingerprint", "go on with", "back with"}
LISTS = {"objects", "repaired", "to repair", "left alone", "time", "audit", "checks", "limited to", "dropped"}


@dataclass(frozen=True)
class Ended:
    """The end of a run that succeeded, however it was started.

    `audit` counts the findings of the audits of prod by severity, None without audits; `report` is the path
    of the page. `problems` are failures after prod became the new one.
    """

    state: "State"
    audit: Mapping[Severity, int] | None = None
    report: str = ""
    problems: Sequence[str] = ()


def of_dump(archive: Archive, manifest: Manifest) -> Facts:
    """Return the summary of a dump."""
    return {
        "archive": str(archive.path),
        "size": f"{archive.size:,} bytes, {archive.compression}",
        "sha256": manifest.sha256,
        "objects": _counts(manifest.counts),
        "holds": f"{sum(content.rows for content in manifest.contents.values()):,} rows",
        "limited to": manifest.filters,
    }


def of_adoption(archive: Archive, manifest: Manifest) -> Facts:
    """Return the summary of an archive that was adopted without a manifest."""
    return {
        "archive": str(archive.path),
        "size": f"{archive.size:,} bytes, {archive.compression}",
        "sha256": manifest.sha256,
        "source": f"{archive.source_database}, PostgreSQL {archive.server_version}",
        "objects": _counts(manifest.counts),
        "go on with": f"pgpromote restore {shlex.quote(str(archive.path))}",
    }


def of_run(ended: Ended) -> Facts:
    """Return the summary of a run that promoted or rehearsed."""
    state = ended.state
    facts = {"archive": str(state.archive), "sha256": state.sha256}
    if state.restored:
        facts |= _restored(state.restored)
    if state.repair:
        facts |= _repair(state.repair, done=state.repairs)
    if state.proof:
        facts["proven"] = state.proof.sentence
    previous = state.cut_over.previous if state.cut_over else ""
    if state.cut_over:
        facts["gap"] = f"{state.cut_over.downtime_ms} ms without a connection"
    facts |= {"previous": "" if previous in state.dropped else previous, "safety": str(state.safety or "")}
    facts["back with"] = "pgpromote rollback" if facts["previous"] or state.safety else ""
    facts |= {"dropped": ", ".join(state.dropped), "time": _times(state), "checks": _checks(state)}
    return facts | {"audit": _audit(ended.audit), "report": ended.report}


def verdict(ended: Ended) -> tuple[str, str, bool]:
    """Return the outcome of a run as a word and the rest of its sentence, and whether all is well."""
    state = ended.state
    doubt = state.proof.doubt if state.proof else ""
    if state.cut_over:
        word, told = "Swapped", f"{state.target}: {doubt or 'the new database is proven'}"
    elif state.strategy.beside:
        word, told = (
            "Rehearsed",
            f"all but the cut-over: {doubt or 'it is proven'}; prod is untouched",
        )
    else:
        word, told = "Restored", f"into {state.target}, in place: {doubt or 'it is proven'}"
    after = f"; {len(ended.problems)} warning(s) above came after that" if ended.problems else ""
    return word, f"{told}{after}.", not (doubt or after)


def sessions(plan: "Plan", strategy: Strategy) -> str:
    """Return who is connected to prod, and the effect of a promotion on them; "" for nobody."""
    if not plan.sessions:
        return ""
    named = ", ".join(f"{s.count} of {s.user} ({s.application or 'no name'})" for s in plan.sessions)
    if not strategy.beside:
        return f"{named}; the restore waits for their locks"
    lasting = [f"{each.lasting} of {each.user}" for each in plan.sessions if each.lasting]
    if not lasting:
        return f"{named}; the swap ends them"
    return (
        f"{named}; the swap may not end {', '.join(lasting)}, and does not happen while they last: end them "
        "before, or grant pg_signal_backend (superusers' sessions only a superuser ends)"
    )


def loss(plan: "Plan", aim: Aim) -> str:
    """Return the loss of prod as the clause of a sentence, as far as the archive lets it be known."""
    found = any(finding.severity is not Severity.INFO for finding in plan.losses)
    if not aim.archive.listed:
        return "what prod would lose is not known: plain SQL does not list what it holds"
    if aim.manifest is None or aim.manifest.adopted:
        what = "what follows, and perhaps more" if found else "no object"
        return f"prod would lose {what}; whether it would lose rows is not known"
    return f"prod would lose {'what follows' if found else 'nothing'}"


def needed(plan: "Plan") -> str:
    """Return the room that a swap needs on prod's server, with its parts; "" when it is not known."""
    if plan.needed_size is None:
        return ""
    return (
        f"{disk.shown(plan.needed_size)} beside it: {disk.HEADROOM} times the size of dev, and "
        f"{disk.shown(plan.log_size)} for the write-ahead log, which may grow to max_wal_size"
    )


def lines(facts: Mapping[str, str], *, whole: bool) -> list[str]:
    """Return facts as lines, one below the other. Lists wrap, and are cut after two lines unless `whole`.

    Sentences wrap unless `whole`; what is copied does not.
    """
    written = []
    for name, value in facts.items():
        if value:
            listed, wraps = name in LISTS, name in LISTS or not (whole or name in PIECES)
            first, *more = _wrapped(value, whole=whole or not listed) if wraps else [value]
            written += [f"  {name:<{LABEL}} {first}", *(" " * (LABEL + 3) + line for line in more)]
    return written


def of_interest(state: "State") -> list[Finding]:
    """Return the findings of interest: accepted losses of dev; objects that only prod had, told once."""
    accepted, losses = [each for each in state.checks if each.rule == plausible.RULE], _lost(state)
    known = (*(f" {loss.object}" for loss in losses), str(state.archive))
    repaired = state.repair.findings if state.repair else ()
    proven = state.proof.findings if state.proof else ()
    told = (f for f in proven if f.severity is not Severity.INFO or not f.object.endswith(known))
    return [*accepted, *losses, *repaired, *told, *(state.kept.findings if state.kept else ())]


def _lost(state: "State") -> list[Finding]:
    # That there is no manifest, the proof says too.
    return [loss for loss in state.lost if loss.object != str(state.archive)]


def _restored(restored: "Restored") -> Facts:
    parallel = f"{restored.jobs} jobs" if restored.jobs > 1 else "1 connection"
    return {
        "objects": _counts(restored.counts),
        "restored": f"in {restored.seconds} s ({parallel})",
    }


def _repair(repair: "Repair", *, done: bool) -> Facts:
    keys = cut([f"{change.table}.{change.column}" for change in repair.changes], ERRORS, IN_REPORT)
    left = cut([f"{each.table}.{each.column}" for each in left_alone(repair)], ERRORS, IN_REPORT)
    counted = f"{len(repair.changes)} primary key(s)"
    return {
        "repaired" if done else "to repair": f"{counted}: {', '.join(keys)}" if keys else counted,
        "left alone": ", ".join(left),
    }


def left_alone(repair: "Repair") -> "list[Skipped]":
    """Return the keys that were left alone, without those of several columns: nothing would number them."""
    from pgpromote.postgres.keys.repair import COMPOSITE  # noqa: PLC0415 - who shows a repair has loaded it

    return [each for each in repair.skipped if each.reason != COMPOSITE]


def _checks(state: "State") -> str:
    """Return the checks and proofs that warned of something, by their rules, and the losses beside them."""
    found = (*state.checks, *(state.proof.findings if state.proof else ()))
    accepted = sum(map(plausible.accepted, state.checks))
    others = (each for each in found if not plausible.accepted(each))
    warned = dict.fromkeys(each.rule for each in others if each.severity is not Severity.INFO)
    lost = sum(each.severity is not Severity.INFO for each in _lost(state))
    if not (warned or accepted or lost):
        return "all passed"
    told = (
        f"{', '.join(warned)} warned" if warned else "passed",
        f"{accepted} loss(es) accepted" if accepted else "",
        f"{lost} loss(es) of prod's own" if lost else "",
    )
    return ", ".join(filter(None, told))


def _audit(counted: Mapping[Severity, int] | None) -> str:
    if counted is None:
        return ""
    told = ", ".join(f"{counted[each]} {each.value}" for each in Severity if counted.get(each))
    return f"{told}; pgpromote audit shows them" if told else "nothing found"


def counts(found: Sequence[Finding]) -> Mapping[Severity, int]:
    """Count findings by severity."""
    return Counter(each.severity for each in found)


def _times(state: "State") -> str:
    return ", ".join(f"{each.phase} {each.seconds:.1f} s" for each in state.walked)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind.lower()}" for kind, count in counts.items())


def _wrapped(value: str, *, whole: bool) -> list[str]:
    return wrap(
        value,
        WIDTH - LABEL - 3,
        break_long_words=False,
        break_on_hyphens=False,
        max_lines=None if whole else LINES_PER_FACT,
        placeholder=" …",
    )
