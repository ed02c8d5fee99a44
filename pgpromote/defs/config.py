"""The forms of the launchpad: flat, typed, with defaults that promote without any input."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal, get_origin

import dagster as dg
from pydantic import Field

from pgpromote.postgres import naming
from pgpromote.postgres.model import Filters, Foreign, Policy
from pgpromote.postgres.strategy import RESET_SCHEMA, STRATEGIES, Strategy
from pgpromote.run.options import Options


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
    """How to dump the source. Prod is not touched."""

    compression: str = Field(
        default="",
        description="Value for pg_dump --compress, such as zstd:1, gzip:6 or none. Empty: the best it has.",
    )
    encoding: str = Field(
        default="",
        description="Encoding of the archive, as PostgreSQL calls it. Empty: the one of dev. UTF8 brings a "
        "dev of the encoding SQL_ASCII into a prod of UTF8, if all of its text is valid UTF-8.",
    )


class SqlDumpConfig(ScopeConfig):
    """How to write the plain SQL dump."""


class RestoreConfig(ScopeConfig):
    """Replace prod by the archive, at once."""

    strategy: Literal["swap", "clean", "reset-schema"] = Field(
        default="swap",
        description="Launch Run replaces prod, at once. swap builds a new database beside prod, proves it, "
        "and swaps it in: prod is always wholly old or wholly new. DESTRUCTIVE: clean replaces prod's "
        "objects in place, reset-schema drops a schema of prod first; a failure then leaves a mix of old "
        "and new.",
    )
    archive_path: str = Field(
        default="",
        description="Archive to restore. Empty: the archive of this promotion. A .sql file is run by psql, "
        "slower and not parallel, and only in place.",
    )
    jobs: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Parallel connections of pg_restore. Empty: one for each core if prod's server runs on "
        "this machine, else 4.",
    )
    reset_schema: str = Field(
        default="public", description="The schema that the strategy reset-schema drops and makes again."
    )
    allow_data_loss_outside: bool = Field(
        default=False, description="Let the reset also destroy data in other schemas, as listed in its log."
    )
    safety_archive: bool = Field(
        default=True,
        description="Before clean and reset-schema: dump prod, so that a rollback can bring it back.",
    )
    rights: Literal["keep", "source", "none"] = Field(
        default="keep",
        description="Owners and grants with the strategy swap: keep prod's, take the source's, or none "
        "(everything belongs to the role that restores).",
    )
    bring: list[str] = Field(
        default=[],
        description="What of dev is brought although it reaches beyond its database: foreign-servers, "
        "user-mappings, publications, subscriptions, event-triggers.",
    )
    allow: list[str] = Field(
        default=[],
        description="Replication slots and subscriptions of prod that may stay with the previous database; "
        "commands of psql that plain SQL may use; the promotion or database whose archive may be taken.",
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
    expect_plan: str = Field(
        default="",
        description="Fingerprint from `pgpromote plan`; the run is refused when prod or the archive is "
        "another than the plan has shown.",
    )
    sha256: str = Field(
        default="",
        description="SHA-256 of the archive that is meant, which the sensor gives; the run is refused when "
        "the file is another one. Empty: any.",
    )

    adopt: bool = Field(
        default=False,
        description="Adopt an archive that has no manifest, as `pgpromote adopt` does; its rows are not "
        "proven. The sensor sets it where PGPROMOTE_ADOPT is 1.",
    )
    despite_hold: bool = Field(
        default=False,
        description="Go on although a rollback has put prod on hold. `pgpromote resume` ends the hold.",
    )
    accept_loss: list[str] = Field(
        default=[],
        description="A run that would lose all rows of a table, or half of all rows, is refused unless they "
        "are named here: table or schema.table, * allowed; all for any. Added to PGPROMOTE_ACCEPT_LOSS.",
    )

    restore_as_superuser: bool = Field(
        default=False,
        description="Let code of dev run as a superuser of prod's server, where PROD_DATABASE_URL names one.",
    )

    def options(self) -> Options:
        """Return the chosen options as a value."""
        return Options(
            archive_path=Path(self.archive_path).absolute() if self.archive_path else None,
            strategy=self._strategy(),
            allow_data_loss_outside=self.allow_data_loss_outside,
            safety_archive=self.safety_archive,
            jobs=self.jobs,
            filters=self.filters(),
            rights=Policy(self.rights),
            bring=tuple(Foreign(kind) for kind in self.bring),
            allow=tuple(self.allow),
            repair=self.repair == "fix",
            repair_exclude=tuple(self.repair_exclude),
            proof=self.proof,
            expect_plan=self.expect_plan,
            adopt=self.adopt,
            sha256=self.sha256,
            despite_hold=self.despite_hold,
            accept_loss=tuple(self.accept_loss),
            restore_as_superuser=self.restore_as_superuser,
        )

    def _strategy(self) -> Strategy:
        chosen = STRATEGIES[self.strategy]
        return replace(chosen, reset=self.reset_schema) if chosen.reset else chosen


def restore_config(options: Options) -> RestoreConfig:
    """Return options as configuration: the inverse of `RestoreConfig.options`."""
    plain = {name: value for name, value in vars(options).items() if name not in {"filters", "archive_path"}}
    return RestoreConfig.model_validate(
        {
            **plain,
            "strategy": options.strategy.name,
            "reset_schema": options.strategy.reset or RESET_SCHEMA.reset,
            **asdict(options.filters),
            "archive_path": str(options.archive_path or ""),
            "repair": "fix" if options.repair else "report",
        }
    )


class RollbackConfig(dg.Config):
    """Replace prod by what it was before, at once."""

    name: str = Field(
        default="",
        description="Name of a previous database or safety archive, from the history. Empty: the newest.",
    )
    allow: list[str] = Field(
        default=[],
        description="Replication slots and subscriptions of prod that may stay with the database that is "
        "swapped out.",
    )


# The op of each form, and the job that has it beside those of the lineage graph.
FORMS: dict[str, type[dg.Config]] = {"prod_schema": RestoreConfig, "dev_dump_archive": DumpConfig}
ASIDE: dict[str, dict[str, type[dg.Config]]] = {
    "rehearse_prod": {"rehearse": RestoreConfig},
    "rollback_prod": {"rollback": RollbackConfig},
}


def spelling(job: str, prefix: str = "") -> naming.OptionSpelling:
    """Return the spelling of an option in a job: a line for its launchpad, with the op that has it."""
    forms = {**ASIDE.get(job.removeprefix(prefix), {}), **FORMS}

    def spelled(option: str, values: Sequence[str]) -> str:
        name = option.replace("-", "_")
        op, form = next((op, form) for op, form in forms.items() if name in form.model_fields)
        kind = form.model_fields[name].annotation
        chosen = [*values] if get_origin(kind) is list else True if kind is bool else "".join(values)
        if not chosen:
            return f"`{name}` in the config of {prefix}{op}"
        line = f"{name}: {json.dumps(chosen, ensure_ascii=False)}"
        return f"`ops: {{{prefix}{op}: {{config: {{{line}}}}}}}` in the launchpad"

    return spelled
