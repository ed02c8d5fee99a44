"""The reference, written from the code: `python docs/hooks.py` after a change, and commit what it writes.

The pages are kept in docs/reference, so that links lead there on the site and in the repository alike.
mkdocs calls `on_pre_build` at each build.
"""

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import click
import dagster as dg
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError

from pgpromote.cli import pgpromote
from pgpromote.defs import config as launchpad
from pgpromote.defs.factory import build_promotion
from pgpromote.postgres import audit, sql
from pgpromote.postgres.checks import rules as checks
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.postgres.model import Content, Manifest, Member
from pgpromote.promotion import AUDITED, BUILD, NAME, SOURCE, TARGET
from pgpromote.settings import SETTINGS, from_environment

# The variables that are not in SETTINGS: the URLs, which have no default, and Dagster's own.
OTHERS = {
    SOURCE: ("", "The database to dump."),
    TARGET: ("", "The database to promote into."),
    BUILD: ("", "The login that builds prod's next content, where dev's code runs; else prod's own."),
    AUDITED: ("prod", "The database to audit."),
    "DAGSTER_POSTGRES_URL": (
        "",
        "Where Dagster keeps runs, schedules and events, a database of its own; for `up`.",
    ),
    "DAGSTER_HOME": (
        "this directory",
        "Directory of dagster.yaml. If set, `restore` and `rollback` tell its instance what Prod is.",
    ),
}
REFERENCE = Path(__file__).parent / "reference"
REMEDY = "Write it anew: python docs/hooks.py"
HELP_COLUMNS = 88
SCHEMA = "report.schema.json"
OF_DAGSTER = "__"  # what Dagster makes itself begins so


def on_pre_build(config: MkDocsConfig) -> None:
    """Build no site whose reference says something else than the code. Raises PluginError."""
    if old := outdated():
        raise PluginError(f"docs/reference is not what the code says: {', '.join(old)}. {REMEDY}")


def write() -> None:
    """Write the reference anew."""
    REFERENCE.mkdir(exist_ok=True)
    for name in outdated():
        (REFERENCE / name).unlink(missing_ok=True)
    for name, content in pages().items():
        (REFERENCE / name).write_text(content)


def outdated() -> list[str]:
    """Name the files that are missing, too many, or not what the code says."""
    wanted = pages()
    there = {path.name: path.read_text() for path in REFERENCE.glob("*")}
    return sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))


def pages() -> dict[str, str]:
    """Return every file of the reference."""
    promotion = build_promotion(from_environment({NAME: "shop"}))
    schema = (resources.files("pgpromote.report") / "schema.json").read_text()
    return {
        SCHEMA: schema,
        "settings.md": settings(),
        "launchpad.md": launchpad_fields(),
        "cli.md": command_line(),
        "dagster.md": definitions(promotion),
        "checks.md": asset_checks(promotion),
        "audits.md": audits(),
        "manifest.md": manifest(),
        "report.md": report(schema),
        "exit-codes.md": exit_codes(),
    }


def settings() -> str:
    """List every environment variable."""
    rows = [
        (f"`{name}`", code(default), meaning) for name, (default, meaning) in {**OTHERS, **SETTINGS}.items()
    ]
    intro = (
        "pgpromote reads its settings from the environment, once, when it starts; the command line reads "
        "[a file](../howto/install.md#what-the-file-may-hold), too. An empty value is no value."
    )
    return page("Settings", intro, table("variable | default | meaning", rows))


def launchpad_fields() -> str:
    """List every field of the launchpad, form by form."""
    forms = [form for _, form in inspect.getmembers(launchpad, _is_form)]
    parts = [part for form in forms for part in (f"## {doc(form).partition('.')[0]}", _fields(form))]
    intro = (
        "What the forms of the Dagster UI ask. Every field has a default; a click on Materialize needs none."
    )
    return page("Launchpad", intro, *parts)


def _is_form(thing: object) -> bool:
    return (
        inspect.isclass(thing)
        and issubclass(thing, dg.Config)
        and thing is not launchpad.ScopeConfig
        and (thing.__module__ == launchpad.__name__)
    )


def _fields(form: type[dg.Config]) -> str:
    types = inspect.get_annotations(form) | inspect.get_annotations(launchpad.ScopeConfig)
    rows = [
        (
            f"`{name}`",
            code(inspect.formatannotation(types[name])),
            code(repr(field.default)),
            field.description or "",
        )
        for name, field in form.model_fields.items()
    ]
    return table("field | type | default | meaning", rows)


def command_line() -> str:
    """Show the help of every command."""
    top = click.Context(
        pgpromote, info_name="pgpromote", terminal_width=HELP_COLUMNS, **pgpromote.context_settings
    )
    parts = [block(pgpromote.get_help(top))]
    for name in pgpromote.list_commands(top):
        command = pgpromote.commands[name]
        context = click.Context(command, info_name=name, parent=top, terminal_width=HELP_COLUMNS)
        parts += [f"## pgpromote {name}", block(command.get_help(context))]
    return page("Command line", *parts)


def definitions(promotion: dg.Definitions) -> str:
    """List assets, jobs, schedules and sensors."""
    repository = promotion.get_repository_def()
    nodes = sorted(
        repository.asset_graph.asset_nodes, key=lambda node: node.key
    )  # Dagster keeps them in a set
    assets = [(node.key.to_user_string(), node.description) for node in nodes]
    jobs = [(job.name, job.description) for job in repository.get_all_jobs()]
    schedules = [(schedule.name, schedule.description) for schedule in repository.schedule_defs]
    sensors = [(sensor.name, sensor.description) for sensor in repository.sensor_defs]
    parts = (
        part
        for title, named in (
            ("Assets", assets),
            ("Jobs", jobs),
            ("Schedules", schedules),
            ("Sensors", sensors),
        )
        for part in (f"## {title}", described("name | what it is", named))
    )
    return page(
        "In Dagster",
        "Schedules and sensors are off until turned on; `killed_run_sensor` is on, and starts nothing.",
        *parts,
    )


def asset_checks(promotion: dg.Definitions) -> str:
    """List every check: first those that stand before prod is touched, in their order, then the others."""
    graph = promotion.get_repository_def().asset_graph
    after = {
        key.name: graph.get_check_spec(key).description
        for key in sorted(graph.asset_check_keys, key=lambda key: key.name)
        if key.name not in {*checks.RULES, *sql.names("audits")}
    }
    return page(
        "Checks",
        "All checks run, and all findings are shown at once. An error refuses or fails the promotion.",
        "## Before prod is touched",
        described("check | what must hold", ((name, checks.describe(name)) for name in checks.RULES)),
        "## Of the plan and the proof",
        described("check | what must hold", after.items()),
    )


def audits() -> str:
    """List every audit rule."""
    rules = [audit.rule(name) for name in sql.names("audits")]
    rows = [(f"`{rule.name}`", rule.severity.value, rule.why, rule.ignored, code(rule.fix)) for rule in rules]
    return page(
        "Audit rules",
        "Audits read the catalogs in a transaction that cannot write. What prod alone has wrong counts more.",
        table("rule | severity | what it finds, and why | if ignored | how to mend it", rows),
    )


def report(schema: str) -> str:
    """Describe the report of a run."""
    read = json.loads(schema)
    rows = [(f"`{name}`", meaning(field, read["$defs"])) for name, field in read["properties"].items()]
    intro = f"""The asset `promotion_report` leaves an HTML file in `PGPROMOTE_REPORT_DIR`.
Beside it is the same as JSON for programs, which follows [this schema]({SCHEMA})."""
    return page("Report", intro, table("field | meaning", rows))


def meaning(field: Mapping[str, Any], kinds: Mapping[str, Any]) -> str:
    """Say what a field of a schema is: in its own words, else in those of what it holds."""
    if "description" in field:
        return str(field["description"])
    if "$ref" in field:
        return str(kinds[field["$ref"].rpartition("/")[2]]["description"])
    if "enum" in field:
        return "One of: " + ", ".join(field["enum"]) + "."
    if "items" in field:
        return "A list: " + meaning(field["items"], kinds)
    if "anyOf" in field:
        return meaning(field["anyOf"][0], kinds) + " Or null."
    return f"A {field.get('format', 'text')}."


def manifest() -> str:
    """Describe the file beside an archive."""
    parts = [
        part
        for kind in (Manifest, Content, Member)
        for part in (f"## {kind.__name__}", doc(kind), _members(kind))
    ]
    return page("Manifest", "A JSON file beside the archive: `<name>_dev.dump.manifest.json`.", *parts)


def _members(kind: type[Manifest | Content | Member]) -> str:
    types = {
        name: inspect.formatannotation(of, kind.__module__)
        for name, of in inspect.get_annotations(kind).items()
    }
    return table("field | type", [(f"`{name}`", code(text)) for name, text in types.items()])


def exit_codes() -> str:
    """List the exit codes, and the errors behind them."""
    codes = table(
        "code | meaning",
        [
            ("0", "Done."),
            ("1", "Failed."),
            ("2", "Wrong usage."),
            ("3", "Refused: prod was not touched."),
            ("128 + n", "A signal of this number ended it; the last line says what prod is."),
        ],
    )
    rows = [
        (f"`{error.__name__}`", str(error.exit_code), doc(error).partition("\n\n")[0])
        for error in errors(PgpromoteError)
        if error is not PgpromoteError
    ]
    return page("Exit codes", codes, "## Errors", table("error | code | meaning", rows))


def errors(kind: type[PgpromoteError]) -> Iterator[type[PgpromoteError]]:
    """Yield an error and everything below it that the PostgreSQL code raises."""
    if kind.__module__ == PgpromoteError.__module__:
        yield kind
        for below in kind.__subclasses__():
            yield from errors(below)


def page(title: str, *parts: str) -> str:
    """Join the parts of a page."""
    return "\n\n".join((f"# {title}", *parts)) + "\n"


def table(head: str, rows: Iterable[tuple[str, ...]]) -> str:
    """Write a table; a bar or a line break in a cell would end it."""
    lines = [" | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    rule = " | ".join("---" for _ in head.split(" | "))
    return "\n".join(f"| {line} |" for line in (head, rule, *lines))


def described(head: str, named: Iterable[tuple[str, str | None]]) -> str:
    """Write a table of names that stand in the code and what each is, without what Dagster makes itself."""
    return table(head, [(f"`{name}`", text or "") for name, text in named if not name.startswith(OF_DAGSTER)])


def code(text: str) -> str:
    """Set a value as code; nothing stays nothing."""
    return f"`{text}`" if text else ""


def block(text: str) -> str:
    """Set text as it is."""
    return f"```text\n{text}\n```"


def doc(thing: type) -> str:
    """Return a docstring, unwrapped."""
    return inspect.getdoc(thing) or ""


if __name__ == "__main__":
    write()
