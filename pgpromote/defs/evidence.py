"""The evidence of a check: shown with its result, also with a good one."""

from collections.abc import Mapping

import dagster as dg

from pgpromote.defs import metadata
from pgpromote.defs.metadata import Metadata
from pgpromote.postgres import prove
from pgpromote.postgres.losses import plan, plausible
from pgpromote.postgres.rows.compare import RULE as CONTENTS
from pgpromote.run.state import State

# The kind of objects of the archive that a proof is about; the others are about all of them.
ABOUT = {
    "extension_versions": "EXTENSION",
    "sequences": "SEQUENCE",
    "materialized_views": "MATERIALIZED VIEW",
    "index_keys": "INDEX",
    "statistics": "TABLE",
}


def of(rule: str, state: State) -> Metadata:
    """Return the evidence of a check: the objects it looked at, and the numbers it compared."""
    if rule in prove.RULES:
        return _proven(rule, state)
    shown: Metadata = {"prod": dg.MetadataValue.text(state.target)}
    if state.sha256:
        shown["archive"] = _archive(state)
    if rule in {plan.RULE, plausible.RULE}:
        shown |= _rows(state)
    return shown


def _rows(state: State) -> Metadata:
    """Compare the rows of prod, as far as they were counted, with those that the archive brings."""
    brings = _brought(state)
    now: Mapping[str, int] = state.plan.rows if state.plan else {}
    pairs = [(name, now.get(name), brings.get(name)) for name in sorted({*brings, *now})]
    return {
        "tables in the archive": dg.MetadataValue.int(len(brings)),
        "rows in the archive": dg.MetadataValue.int(sum(brings.values())),
        "rows": metadata.table(("table", "prod", "archive"), pairs),
    }


def _brought(state: State) -> dict[str, int]:
    return {name: held.rows for name, held in state.manifest.contents.items()} if state.manifest else {}


def _proven(rule: str, state: State) -> Metadata:
    if state.proof is None:
        return {}
    if rule == CONTENTS:
        told = metadata.proof(state.proof)
        numbers = {name: told[name] for name in (metadata.PROVEN, "proven tables", "proven rows")}
        return {**numbers, **metadata.tables(state.proof)}
    counted = dict(state.manifest.counts) if state.manifest else {}
    kind = ABOUT.get(rule)
    about = {kind: counted.get(kind, 0)} if kind else counted
    return {
        "archive": _archive(state),
        "objects in the archive": dg.MetadataValue.int(sum(about.values())),
        "objects by kind": metadata.counts(about),
    }


def _archive(state: State) -> dg.MetadataValue:
    return dg.MetadataValue.text(f"{state.archive.name}, SHA-256 {state.sha256}")
