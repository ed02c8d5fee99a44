"""Watch the dump directory for archives that this promotion did not write itself."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from pgpromote.defs.jobs import Jobs
from pgpromote.postgres import archive, tools
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.promotion import Promotion

PATTERN = "*.dump"
INTERVAL_SECONDS = 30

Signature = list[int]  # size, modification time in ns, inode


@dataclass
class Seen:
    """What the last tick saw: files still settling, and files done with. This is the sensor's cursor."""

    settling: dict[str, Signature] = field(default_factory=dict)
    done: dict[str, Signature] = field(default_factory=dict)


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
        last = Seen(**json.loads(context.cursor)) if context.cursor else Seen()
        now, requests, broken = Seen(), [], []
        for path in sorted(promotion.dump_dir.glob(PATTERN)):
            signature = _signature(path)
            if last.done.get(path.name) == signature:
                now.done[path.name] = signature
            elif last.settling.get(path.name) != signature:
                now.settling[path.name] = signature
            else:
                now.done[path.name] = signature
                try:
                    requests += _request(promotion, prefix, path)
                except PgpromoteError as problem:
                    context.log.warning(f"{path} is not restored. {problem}")
                    broken.append(_report(prefix, path, problem))
        return dg.SensorResult(
            run_requests=requests,
            asset_events=broken,
            skip_reason=None if requests else _nothing_to_do(now, broken),
            cursor=json.dumps(vars(now)),
        )

    return new_dump_sensor


def _signature(path: Path) -> Signature:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def _request(promotion: Promotion, prefix: str, path: Path) -> list[dg.RunRequest]:
    """Ask for a run, unless this promotion wrote the file itself. Raises ArchiveError for a broken file."""
    archive.read(path)
    digest = archive.digest(path)
    manifest = archive.read_manifest(path)
    if manifest is not None and manifest.sha256 == digest and path == promotion.archive_path:
        return []
    archive.verify(path, tools.newest(promotion.tools()))
    config = {"ops": {f"{prefix}prod_schema": {"config": {"archive_path": str(path)}}}}
    return [dg.RunRequest(run_key=digest, run_config=config, tags={"pgpromote/archive": path.name})]


def _report(prefix: str, path: Path, problem: PgpromoteError) -> dg.AssetObservation:
    return dg.AssetObservation(
        f"{prefix}dev_dump_archive",
        description=f"Not restored: {problem.message}",
        metadata={"path": dg.MetadataValue.path(path), "what to do": problem.hint},
    )


def _nothing_to_do(now: Seen, broken: list[dg.AssetObservation]) -> str:
    known, settling = len(now.done), len(now.settling)
    return f"{known} archive(s) known, {settling} still settling, {len(broken)} broken just now."
