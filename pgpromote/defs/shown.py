"""The result of a step in Dagster: in its log, and as metadata of its output."""

from functools import singledispatch

import dagster as dg

from pgpromote.defs import metadata
from pgpromote.defs.metadata import Metadata
from pgpromote.postgres.keys.repair import Repair
from pgpromote.postgres.loading.restore import Restored
from pgpromote.postgres.losses.plan import Plan
from pgpromote.postgres.model import Finding, Statement
from pgpromote.postgres.reset import Reset
from pgpromote.run.state import Checked, Kept, Prepared


@singledispatch
def of(result: object) -> Metadata:
    """Return the result of a step as metadata; empty for a type that has no form of its own."""
    return {}


@of.register
def _(result: Checked) -> Metadata:
    return {"skipped checks": metadata.table(("check", "why"), list(result.skipped.items()))}


@of.register
def _(result: Plan) -> Metadata:
    return metadata.preview(result)


@of.register
def _(result: Prepared) -> Metadata:
    return {"created": metadata.statements(result.extensions)}


@of.register
def _(result: Reset) -> Metadata:
    return {
        "outside the schema": metadata.findings(result.outside),
        "statements": metadata.statements(result.statements),
    }


@of.register
def _(result: Restored) -> Metadata:
    return {
        "seconds": dg.MetadataValue.float(result.seconds),
        "jobs": dg.MetadataValue.int(result.jobs),
        metadata.DIGEST: dg.MetadataValue.text(result.sha256),
        "objects by kind": metadata.counts(result.counts),
        "warnings": metadata.table(("warning",), [(line,) for line in result.warnings]),
    }


@of.register
def _(result: Repair) -> Metadata:
    return metadata.repair(result)


@of.register
def _(result: Kept) -> Metadata:
    return {"dropped": dg.MetadataValue.text(", ".join(result.dropped) or "nothing")}


def findings(result: object) -> tuple[Finding, ...]:
    """Return the findings of a step for its log, each at its own level."""
    if isinstance(result, Reset):
        return result.outside
    if isinstance(result, Prepared):
        return result.warnings
    return result.findings if isinstance(result, Kept | Repair) else ()


def statements(result: object) -> tuple[Statement, ...]:
    """Return the statements of a step for its log; thousands of grants are among the lines of its tools."""
    if isinstance(result, Prepared):
        return result.extensions
    if isinstance(result, Restored):
        return result.filled.statements
    if isinstance(result, Repair | Reset):
        return result.statements
    return ()
