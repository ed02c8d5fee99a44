"""A sensor that watches the promotion's directory for archives written by others."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field

import dagster as dg

from pgpromote.defs.deliveries import Delivery, Runs, landed
from pgpromote.defs.jobs import Jobs
from pgpromote.postgres import tools
from pgpromote.postgres.archives import archive, origin
from pgpromote.postgres.archives.store import Snapshot
from pgpromote.postgres.checks import adopt
from pgpromote.postgres.databases import hold
from pgpromote.postgres.databases.hold import Hold
from pgpromote.postgres.errors import ArchiveError, PgpromoteError, ToolFailed
from pgpromote.postgres.model import Ref
from pgpromote.promotion import EARLIER_NAME, Promotion
from pgpromote.settings import ADOPT
from pgpromote.terminal.past import RESUME

SUFFIX = ".dump"
INTERVAL_SECONDS = 30
# A tick has 60 seconds. A larger archive is read in full by its run, which refuses a broken one, too.
VERIFIED_BYTES = 1 << 30
# How a file is called in the cursor that lies where the version before looked.
HIGHER = f"..{os.sep}"

Signature = list[int]  # size, modification time in ns, inode; BARE for what waits for its manifest
BARE = 0


@dataclass
class Seen:
    """The files that the last tick saw, still settling or done with: the cursor of the sensor.

    `since` is when the sensor was turned on, in seconds since 1970; None when that is not recorded.
    """

    settling: dict[str, Signature] = field(default_factory=dict)
    done: dict[str, Signature] = field(default_factory=dict)
    since: float | None = None

    @classmethod
    def read(cls, cursor: str | None) -> "Seen | None":
        """Read a cursor; None for a foreign one. The version before looked one directory higher."""
        try:
            seen = json.loads(cursor or "{}")
            settling, done = dict(seen["settling"]), dict(seen["done"])
            if "since" in seen:
                return cls(settling, done, seen["since"] and float(seen["since"]))
            return cls(settling, done | {HIGHER + name: signature for name, signature in done.items()})
        except (ValueError, TypeError, KeyError):
            return None

    def has_settled(self, last: "Seen", name: str, state: Snapshot) -> bool:
        """Record a file; return whether it must be looked at: unchanged over two ticks, and not done."""
        done, signature = last.done.get(name), list(state.signature)
        if done and _is_done(state, done):
            self.done[name] = done
        elif last.settling.get(name) != signature:
            self.settling[name] = signature
        else:
            self.done[name] = signature
            return True
        return False


def build_sensor(promotion: Promotion, prefix: str, jobs: Jobs) -> dg.SensorDefinition:
    """Return the sensor: one run of `restore_prod` for the newest new archive, stopped until turned on.

    Files present when it is turned on stay as they are. A file is looked at when its size and time are the
    same over two ticks; while prod is on hold it waits. Content that was promoted never runs again; one whose
    run failed does, when it is delivered again. A broken file is reported once. Plain SQL is never picked up
    (facts §0.9).
    """

    @dg.sensor(
        name=f"{prefix}new_dump_sensor",
        job=jobs.restore_prod,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Restore an archive that lands in the promotion's directory.",
    )
    def new_dump_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        files, last = dict(_files(promotion)), Seen.read(context.cursor)
        if last is None or _turned_on(context, last):
            begun = _begin(files, context.last_sensor_start_time)
            return dg.SensorResult(skip_reason=_left_alone(promotion, begun.done), cursor=_cursor(begun))
        now, deliveries, told = Seen(since=context.last_sensor_start_time or last.since), [], []
        settled = [name for name, state in files.items() if now.has_settled(last, name, state)]
        if settled and (held := _held(context, promotion)):
            now.settling |= {name: now.done.pop(name) for name in settled}
            told_so = _waiting(held, len(settled), f"{prefix}resume_prod")
            return dg.SensorResult(skip_reason=told_so, cursor=_cursor(now))
        for name in settled:
            path, state = _path(promotion, name), files[name]
            try:
                deliveries += _deliveries(promotion, path, state)
            except ArchiveError as problem:
                now.done[name] = _done(state, problem)
                context.log.warning(f"{_shown(path)} is not restored. {problem}")
                told.append(_not_restored(prefix, path, problem.message, problem.hint))
            except ToolFailed as problem:  # that says nothing of the file: the next tick reads it again
                context.log.warning(f"{_shown(path)} was not read. {problem}")
                now.settling[name] = now.done.pop(name)
        runs = Runs(
            context.instance,
            jobs.restore_prod.name,
            dg.AssetKey(f"{prefix}prod_schema"),
            promotion.name,
            (f"{prefix}{promotion.name}", f"{prefix}{EARLIER_NAME}"),
        )
        requests, superseded = _choose(context, prefix, deliveries, runs)
        return dg.SensorResult(
            run_requests=requests,
            asset_events=told + superseded,
            skip_reason=None if requests else _nothing_to_do(now, told),
            cursor=_cursor(now),
        )

    return new_dump_sensor


def _files(promotion: Promotion) -> Iterator[tuple[str, Snapshot]]:
    """Yield the archives in the promotion's directory, and in the one where the version before looked."""
    for folder, before in ((promotion.directory, ""), (promotion.dump_dir, HIGHER)):
        with suppress(OSError):  # one that cannot be read has nothing new
            for stored in promotion.store.list(folder):
                if stored.ref.name.endswith(SUFFIX) and (state := promotion.store.state(stored.ref)):
                    yield before + stored.ref.name, state


def _path(promotion: Promotion, name: str) -> Ref:
    if name.startswith(HIGHER):
        return promotion.dump_dir / name.removeprefix(HIGHER)
    return promotion.directory / name


def _held(context: dg.SensorEvaluationContext, promotion: Promotion) -> Hold | None:
    """Return the hold on prod; None without one, and where prod cannot be asked: the run will tell."""
    try:
        return hold.read(promotion.place())
    except PgpromoteError as problem:
        context.log.warning(f"Nobody knows whether prod is on hold. {problem}")
        return None


def _waiting(held: Hold, count: int, resume: str) -> str:
    return (
        f"{held.told} {count} archive(s) wait until the hold is over, and are then taken by themselves: "
        f"{RESUME}, or the job {resume}."
    )


def _turned_on(context: dg.SensorEvaluationContext, last: Seen) -> bool:
    """Return whether the sensor was turned on since its last tick; the version before kept no such time."""
    since = last.since or context.last_tick_completion_time
    started = context.last_sensor_start_time
    return bool(since and started and started > since)


def _begin(files: Mapping[str, Snapshot], since: float | None) -> Seen:
    """Return a cursor with the present files as done, and those landed since it was turned on as settling."""
    begun = Seen(since=since)
    for name, state in files.items():
        after = since is not None and state.landed / 1e9 > since
        (begun.settling if after else begun.done)[name] = list(state.signature)
    return begun


def _done(state: Snapshot, problem: ArchiveError) -> Signature:
    return [*state.signature, *([BARE] if isinstance(problem, adopt.NotAdopted) else [])]


def _is_done(state: Snapshot, done: Signature) -> bool:
    """Return whether a file is done with unchanged; one that lacked a manifest is not once it has one."""
    lacked = done == [*state.signature, BARE]
    return done == list(state.signature) or (lacked and state.described is None)


def _cursor(seen: Seen) -> str:
    return json.dumps(asdict(seen))


def _shown(path: Ref) -> str:
    """Return a path as text that can be stored, whatever the bytes of its name."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")


def _deliveries(promotion: Promotion, path: Ref, state: Snapshot) -> list[Delivery]:
    """Return the delivery of a file; empty if this promotion wrote the file itself.

    Raises ArchiveError for a broken file, another promotion's, and one in the wrong place.
    """
    if _shown(path) != str(path):
        raise ArchiveError(f"The name {_shown(path)} is not UTF-8.", "Rename the file.")
    if path.parent != promotion.directory:
        raise _misplaced(promotion, path)
    file = promotion.store.local(path)
    contents, digest = archive.read(file), archive.digest(file)
    manifest = promotion.store.manifest(path)
    if manifest is not None and manifest.sha256 == digest and path == promotion.archive_path:
        return []
    other = origin.other_promotion(path, origin.of_archive(contents, manifest), promotion.expected())
    if other:
        raise ArchiveError(*other)
    if contents.size <= VERIFIED_BYTES:
        archive.verify(file, tools.newest(promotion.tools()))
    bare = adopt.waiting(path, digest, store=promotion.store)
    if bare and not promotion.adopts:
        raise adopt.not_adopted(path, f"Set {ADOPT}=1 to have the sensor adopt such archives.")
    return [landed(path, state, digest, manifest, adopt=bare)]


def _misplaced(promotion: Promotion, path: Ref) -> ArchiveError:
    return ArchiveError(
        f"{path} lies where the version before looked; what is delivered to {promotion.name} lands in "
        f"{promotion.directory}.",
        "Deliver it there, its manifest first. What this promotion has dumped there before is not needed any "
        "more: remove it, or leave it.",
    )


def _choose(
    context: dg.SensorEvaluationContext, prefix: str, deliveries: list[Delivery], runs: Runs
) -> tuple[list[dg.RunRequest], list[dg.AssetObservation]]:
    """Request a run of the newest delivery, and report the archive that supersedes each of the others."""
    if not deliveries:
        return [], []
    *older, newest = sorted(deliveries, key=lambda each: each.age)
    superseded = {each.path: _shown(newest.path) for each in older}
    reason, attempt = _without_run(newest, runs)
    under_way = "" if reason else runs.newer_under_way(newest)
    if under_way:
        superseded[newest.path] = under_way
    for path, by in superseded.items():
        context.log.warning(f"{_shown(path)} is not restored: it is not newer than {by}.")
    if reason:
        context.log.warning(f"{_shown(newest.path)} is not restored: {reason}")
    return (
        [] if reason or under_way else [newest.request(f"{prefix}prod_schema", attempt)],
        [_superseded(prefix, path, by) for path, by in superseded.items()],
    )


def _without_run(delivery: Delivery, runs: Runs) -> tuple[str, int]:
    """Return why the content needs no run ("" when it does), and the number of the next attempt."""
    before = runs.of(delivery.sha256)
    for run in before:
        if runs.has_promoted(run):
            return f"the run {run.run_id} has promoted what it holds.", 0
    for run in before:
        if not run.is_finished:
            return f"the run {run.run_id} is doing it. If that fails, deliver it again.", 0
    return "", len(before) + 1


def _superseded(prefix: str, path: Ref, by: str) -> dg.AssetObservation:
    hint = "Nothing; to go back to it on purpose: pgpromote restore, with this path."
    message = f"{_shown(path)} is not newer than {by}, which is promoted instead."
    return _not_restored(prefix, path, message, hint)


def _not_restored(prefix: str, path: Ref, message: str, hint: str) -> dg.AssetObservation:
    return dg.AssetObservation(
        f"{prefix}dev_dump_archive",
        description=f"Not restored: {message}",
        metadata={"path": dg.MetadataValue.path(_shown(path)), "what to do": hint},
    )


def _left_alone(promotion: Promotion, files: Mapping[str, Signature]) -> str:
    return (
        f"Turned on: from now on, what lands in {promotion.directory} is promoted. {len(files)} archive(s) "
        "that were there before stay as they are: touch one, or run pgpromote restore with its path."
    )


def _nothing_to_do(now: Seen, told: list[dg.AssetObservation]) -> str:
    known, settling = len(now.done), len(now.settling)
    return f"{known} archive(s) known, {settling} still settling, {len(told)} not taken just now."
