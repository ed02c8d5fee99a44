"""Archives delivered to a promotion, and their state by Dagster's runs: promoted, under way, or neither."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from pgpromote.defs.running import PROMOTION, TARGET
from pgpromote.postgres.archives.store import Snapshot
from pgpromote.postgres.model import Manifest, Ref

ARCHIVE, SHA256, DUMPED_AT = "pgpromote/archive", "pgpromote/sha256", "pgpromote/dumped_at"
RUN_KEY = "dagster/run_key"
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Delivery:
    """A delivered archive. `dumped_at` is the time in the manifest, without one that of the file.

    `adopt`: it has no manifest, and the run is to adopt it first.
    """

    path: Ref
    sha256: str
    dumped_at: datetime
    adopt: bool = False

    @property
    def age(self) -> tuple[datetime, str]:
        """The sort key of deliveries, the oldest first."""
        return self.dumped_at, self.path.name

    def request(self, asset: str, attempt: int) -> dg.RunRequest:
        """Return the request for a run that restores this content, even if the file at the path changes."""
        config: dict[str, object] = {"archive_path": str(self.path), "sha256": self.sha256}
        if self.adopt:
            config["adopt"] = True
        return dg.RunRequest(
            run_key=self.sha256 if attempt == 1 else f"{self.sha256}-{attempt}",
            run_config={"ops": {asset: {"config": config}}},
            tags={
                ARCHIVE: self.path.name,
                SHA256: self.sha256,
                DUMPED_AT: self.dumped_at.isoformat(timespec="microseconds"),
            },
        )


@dataclass(frozen=True)
class Runs:
    """The runs of the job that restores the deliveries of one promotion.

    `earlier` are the values of the queue's tag that were the promotion's name in versions before.
    """

    instance: dg.DagsterInstance
    job: str
    asset: dg.AssetKey
    promotion: str
    earlier: tuple[str, ...]

    def of(self, sha256: str) -> list[dg.DagsterRun]:
        """Return the runs requested for a content; the version before tagged them with the run key alone."""
        known = self._find({PROMOTION: self.promotion, SHA256: sha256})
        earlier = list(self.earlier)
        keyed = self._find({TARGET: earlier, RUN_KEY: sha256})
        before = [*self._find({TARGET: earlier, SHA256: sha256})]
        before += [run for run in keyed if SHA256 not in run.tags]
        return [*{run.run_id: run for run in (*known, *before)}.values()]

    def has_promoted(self, run: dg.DagsterRun) -> bool:
        """Return whether a run made its archive prod, even if a later step failed."""
        if run.is_success:
            return True
        made = self.instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        return any(record.asset_key == self.asset for record in made.records)

    def newer_under_way(self, delivery: Delivery) -> str:
        """Return the name of an archive that was dumped later and whose run has not ended, "" for none."""
        for run in self._find({PROMOTION: self.promotion}):
            if not run.is_finished and _moment(run.tags.get(DUMPED_AT, "")) > delivery.dumped_at:
                return run.tags.get(ARCHIVE, run.run_id)
        return ""

    def _find(self, tags: dict[str, str | Sequence[str]]) -> Sequence[dg.DagsterRun]:
        return self.instance.get_runs(dg.RunsFilter(job_name=self.job, tags=tags))


def landed(
    path: Ref, state: Snapshot, sha256: str, manifest: Manifest | None, *, adopt: bool = False
) -> Delivery:
    """Return the delivery for an archive in the directory."""
    told = _moment(manifest.created_at) if manifest and manifest.sha256 == sha256 else NEVER
    modified = datetime.fromtimestamp(state.modified / 1e9, UTC)
    return Delivery(path, sha256, modified if told == NEVER else told, adopt)


def _moment(text: str) -> datetime:
    try:
        told = datetime.fromisoformat(text)
        return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return NEVER
