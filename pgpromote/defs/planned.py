"""The assets and checks that a run had planned, and did not come to."""

import dagster as dg
from dagster import DagsterEvent, DagsterEventType, DagsterInstance
from dagster._core.instance.utils import RUNLESS_RUN_ID

ASSET, CHECK = DagsterEventType.ASSET_MATERIALIZATION_PLANNED, DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED


def take_back(instance: DagsterInstance, run_id: str) -> None:
    """Plan anew, without a run, each asset that a failed run did not begin, and each check without a result.

    Dagster calls failed whatever a failed run had planned: an audit would be red because a promotion was
    refused. Planned anew, an asset shows its last materialization, and a check that it was skipped.
    """
    begun = {_node(event) for event in _events(instance, run_id, DagsterEventType.STEP_START)}
    results = _events(instance, run_id, DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluated = {event.asset_check_evaluation_data.asset_check_key for event in results}
    assets = (event for event in _events(instance, run_id, ASSET) if _node(event) not in begun)
    checks = (event for event in _events(instance, run_id, CHECK) if _check(event) not in evaluated)
    for event in (*assets, *checks):
        instance.report_dagster_event(event, RUNLESS_RUN_ID)


def _events(instance: DagsterInstance, run_id: str, kind: DagsterEventType) -> list[DagsterEvent]:
    found = (entry.dagster_event for entry in instance.all_logs(run_id, of_type=kind))
    return [event for event in found if event]


def _node(event: DagsterEvent) -> str:
    """Return the op or graph of an asset, to which the step of an event belongs."""
    return (event.step_key or "").partition(".")[0]


def _check(event: DagsterEvent) -> dg.AssetCheckKey:
    return event.asset_check_planned_data.asset_check_key
