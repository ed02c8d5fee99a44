"""Watch the dump directory for archives that this promotion did not write itself."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from pgpromote.defs.jobs import Jobs
from pgpromote.postgres import adopt, archive, tools
from pgpromote.postgres.errors import ArchiveError, ToolFailed
from pgpromote.promotion import ADOPT, Promotion

PATTERN = "*.dump"
INTERVAL_SECONDS = 30
# A tick has 60 seconds. A larger archive is read in full by its run, which refuses a broken one, too.
VERIFIED_BYTES = 1 << 30

Signature = list[int]  # size, modification time in ns, inode; BARE for what waits for its manifest
BARE = 0


@dataclass
class Seen:
    """What the last tick saw: files still settling, and files done with. This is the sensor's cursor."""

    settling: dict[str, Signature] = field(default_factory=dict)
    done: dict[str, Signature] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> "Seen":
        """Read a cursor; one that is not ours starts afresh, and the run keys keep old files from running."""
        try:
            seen = json.loads(cursor or "{}")
            return cls(dict(seen["settling"]), dict(seen["done"]))
        except (ValueError, TypeError, KeyError):
            return cls()


def build_sensor(promotion: Promotion, prefix: str, jobs: Jobs) -> dg.SensorDefinition:
    """Build the sensor: one run of `restore_prod` per new archive, stopped until someone turns it on.

    A file is looked at when its size and time are the same over two ticks. Its SHA-256 is the run key, so
    the same content never runs twice and a changed file always does. A broken file is reported once.
    Plain SQL is never picked up (facts §0.9).
    """

    @dg.sensor(
        name=f"{prefix}new_dump_sensor",
        job=jobs.restore_prod,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Restore an archive that lands in the dump directory.",
    )
    def new_dump_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        last, now, requests, broken = Seen.read(context.cursor), Seen(), [], []
        for path in sorted(promotion.dump_dir.glob(PATTERN)):
            signature = _signature(path)
            if signature is None:
                continue
            if _is_done(path, signature, last.done.get(path.name)):
                now.done[path.name] = last.done[path.name]
            elif last.settling.get(path.name) != signature:
                now.settling[path.name] = signature
            else:
                now.done[path.name] = signature
                try:
                    requests += _request(promotion, prefix, path)
                except ArchiveError as problem:
                    now.done[path.name] = _done(signature, problem)
                    context.log.warning(f"{_shown(path)} is not restored. {problem}")
                    broken.append(_report(prefix, path, problem))
                except ToolFailed as problem:  # that says nothing of the file: the next tick reads it again
                    context.log.warning(f"{_shown(path)} was not read. {problem}")
                    now.settling[path.name] = now.done.pop(path.name)
        return dg.SensorResult(
            run_requests=requests,
            asset_events=broken,
            skip_reason=None if requests else _nothing_to_do(now, broken),
            cursor=json.dumps(vars(now)),
        )

    return new_dump_sensor


def _signature(path: Path) -> Signature | None:
    """Tell one state of a file from another; None when it has vanished or cannot be looked at."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def _done(signature: Signature, problem: ArchiveError) -> Signature:
    return [*signature, BARE] if isinstance(problem, adopt.NotAdopted) else signature


def _is_done(path: Path, signature: Signature, done: Signature | None) -> bool:
    """Say whether a file was done with as it is; one that lacked a manifest is looked at again with one."""
    lacked = done == [*signature, BARE]
    return done == signature or (lacked and not os.path.lexists(archive.manifest_path(path)))


def _shown(path: Path) -> str:
    """Spell a path so that it can be stored, whatever bytes its name is made of."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")


def _request(promotion: Promotion, prefix: str, path: Path) -> list[dg.RunRequest]:
    """Ask for a run, unless this promotion wrote the file itself. Raises ArchiveError for a broken file."""
    if _shown(path) != str(path):
        raise ArchiveError(f"The name {_shown(path)} is not UTF-8.", "Rename the file.")
    contents = archive.read(path)
    digest = archive.digest(path)
    manifest = archive.read_manifest(path)
    if manifest is not None and manifest.sha256 == digest and path == promotion.archive_path:
        return []
    if contents.size <= VERIFIED_BYTES:
        archive.verify(path, tools.newest(promotion.tools()))
    chosen: dict[str, object] = {"archive_path": str(path)}
    if adopt.waiting(path, digest):
        if not promotion.adopts:
            raise adopt.not_adopted(path, f"Set {ADOPT}=1 to have the sensor adopt such archives.")
        chosen["adopt"] = True
    config = {"ops": {f"{prefix}prod_schema": {"config": chosen}}}
    return [dg.RunRequest(run_key=digest, run_config=config, tags={"pgpromote/archive": path.name})]


def _report(prefix: str, path: Path, problem: ArchiveError) -> dg.AssetObservation:
    return dg.AssetObservation(
        f"{prefix}dev_dump_archive",
        description=f"Not restored: {problem.message}",
        metadata={"path": dg.MetadataValue.path(_shown(path)), "what to do": problem.hint},
    )


def _nothing_to_do(now: Seen, broken: list[dg.AssetObservation]) -> str:
    known, settling = len(now.done), len(now.settling)
    return f"{known} archive(s) known, {settling} still settling, {len(broken)} broken just now."
