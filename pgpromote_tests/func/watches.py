"""The sensor of a promotion, evaluated tick by tick."""

import json
import time
from dataclasses import dataclass
from functools import cache

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorExecutionData

from pgpromote.defs.factory import build_promotion
from pgpromote.promotion import Promotion


@cache
def repository_of(promotion: Promotion, prefix: str) -> dg.RepositoryDefinition:
    return build_promotion(promotion, prefix).get_repository_def()


@dataclass
class Watch:
    """The sensor of a promotion and its cursor; each tick gets the cursor that the one before left."""

    promotion: Promotion
    instance: dg.DagsterInstance
    prefix: str = ""
    cursor: str | None = None
    started: float = 0.0

    def tick(self) -> SensorExecutionData:
        repository = repository_of(self.promotion, self.prefix)
        sensor = repository.get_sensor_def(f"{self.prefix}new_dump_sensor")
        context = dg.build_sensor_context(
            self.instance, self.cursor, repository_def=repository, last_sensor_start_time=self.started
        )
        told = sensor.evaluate_tick(context)
        self.cursor = told.cursor
        return told

    def requested(self) -> list[dg.RunRequest]:
        return list(self.tick().run_requests or [])

    def settle(self) -> list[dg.RunRequest]:
        """Tick until every file that does not change any more has been looked at."""
        return self.requested() + self.requested()

    def turn_on(self) -> SensorExecutionData:
        """Turn the sensor on, for the first time or again, and tick once."""
        self.started = time.time()
        return self.tick()

    def known(self) -> set[str]:
        files = json.loads(self.cursor or "{}")
        return {*files["settling"], *files["done"]}
