"""What a person can set in the launchpad: flat, typed, with defaults that promote without any input."""

from typing import Literal

import dagster as dg
from pydantic import Field

from pgpromote.postgres.model import Filters


class ScopeConfig(dg.Config):
    """Limit the scope on purpose. Everything empty means everything; anything else is shown as a warning."""

    schema_only: bool = Field(default=False, description="Definitions without rows.")
    data_only: bool = Field(default=False, description="Rows without definitions.")
    tables: list[str] = Field(default=[], description="Only these tables (-t).")
    schemas: list[str] = Field(default=[], description="Only these schemas (-n).")
    exclude_tables: list[str] = Field(default=[], description="Not these tables (-T).")
    exclude_schemas: list[str] = Field(default=[], description="Not these schemas (-N).")

    def filters(self) -> Filters:
        """Return the scope as a value."""
        return Filters(
            schema_only=self.schema_only,
            data_only=self.data_only,
            tables=tuple(self.tables),
            schemas=tuple(self.schemas),
            exclude_tables=tuple(self.exclude_tables),
            exclude_schemas=tuple(self.exclude_schemas),
        )


class DumpConfig(ScopeConfig):
    """How to dump the source."""

    compression: str = Field(
        default="",
        description="Value for pg_dump --compress, such as zstd:3, gzip:6 or none. Empty: the best it has.",
    )


class SqlDumpConfig(ScopeConfig):
    """How to write the plain SQL dump."""


class RestoreConfig(ScopeConfig):
    """How to bring the archive into prod."""

    strategy: Literal["clean", "swap"] = Field(
        default="clean",
        description="clean replaces prod's objects in place: a failure leaves a mix. swap builds a new "
        "database beside prod, proves it, and swaps it in: prod is always wholly old or wholly new.",
    )
    archive_path: str = Field(
        default="",
        description="Archive to restore; a .sql file is run by psql, slower and not parallel. "
        "Empty: the archive of this promotion.",
    )
    jobs: int = Field(default=4, ge=1, le=64, description="Parallel connections of pg_restore.")
    reset_schema: str = Field(
        default="",
        description="Drop and recreate this schema first, such as public. Empty: replace object by object.",
    )
    allow_data_loss_outside: bool = Field(
        default=False, description="Let the reset also destroy data in other schemas, as listed in its log."
    )
    proof: Literal["exact", "count", "off"] = Field(
        default="exact", description="Compare prod with what was dumped: rows and hashes, rows only, or not."
    )
    repair: Literal["fix", "report"] = Field(
        default="fix", description="Repair primary-key identities, or only report what would be repaired."
    )
    repair_exclude: list[str] = Field(
        default=[], description="Tables that the repair leaves alone: table or schema.table, * allowed."
    )


class RollbackConfig(dg.Config):
    """Which database to bring back."""

    name: str = Field(default="", description="Name of a previous database. Empty: the newest.")
