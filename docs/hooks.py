"""Write the reference pages of the site from the code; mkdocs calls `on_files` at each build."""

import inspect
import json
from collections.abc import Iterable, Iterator
from importlib import resources

import click
import dagster as dg
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from pgpromote.cli import pgpromote
from pgpromote.defs import config as launchpad
from pgpromote.defs.promotion import build_promotion
from pgpromote.postgres import audit, checks, sql
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.postgres.model import Content, Manifest
from pgpromote.promotion import AUDITED, SETTINGS, SOURCE, TARGET, from_environment

# The variables that are not in SETTINGS: the URLs, which have no default, and Dagster's own.
OTHERS = {
    SOURCE: ("", "The database to dump."),
    TARGET: ("", "The database to promote into."),
    AUDITED: ("prod", "The database to audit."),
    "DAGSTER_POSTGRES_URL": ("", "Where Dagster keeps runs, schedules and events."),
    "DAGSTER_HOME": ("this directory", "Directory of dagster.yaml."),
}
HELP_COLUMNS = 88
SCHEMA = "report.schema.json"
OF_DAGSTER = "__"  # what Dagster makes itself begins so


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference to the pages that people wrote."""
    promotion = build_promotion(from_environment({}))
    schema = (resources.files("pgpromote.report") / "schema.json").read_text()
    files.append(File.generated(config, f"reference/{SCHEMA}", content=schema))
    pages = {
        "settings": settings(),
        "launchpad": launchpad_fields(),
        "cli": command_line(),
        "dagster": definitions(promotion),
        "checks": asset_checks(promotion),
        "audits": audits(),
        "manifest": manifest(),
        "report": report(schema),
        "exit-codes": exit_codes(),
    }
    for name, content in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    return files


def settings() -> str:
    """List every environment variable."""
    rows = [
        (f"`{name}`", code(default), meaning) for name, (default, meaning) in {**OTHERS, **SETTINGS}.items()
    ]
    intro = (
        "pgpromote reads its settings from the environment, once, when it starts. An empty value is no value."
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
    top = click.Context(pgpromote, info_name="pgpromote", terminal_width=HELP_COLUMNS)
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
    return page("In Dagster", "Schedules and sensors are off until you turn them on.", *parts)


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
    rows = [(f"`{rule.name}`", rule.severity.value, rule.why, code(rule.fix)) for rule in rules]
    return page(
        "Audit rules",
        "Audits read the catalogs in a transaction that cannot write. What prod alone has wrong counts more.",
        table("rule | severity | what it finds, and why | how to mend it", rows),
    )


def report(schema: str) -> str:
    """Describe the report of a run."""
    fields = json.loads(schema)["properties"].items()
    rows = [(f"`{name}`", field.get("description", "")) for name, field in fields]
    intro = f"""The asset `promotion_report` leaves an HTML file in `PGPROMOTE_REPORT_DIR`.
Beside it is the same as JSON for programs, which follows [this schema]({SCHEMA})."""
    return page("Report", intro, table("field | meaning", rows))


def manifest() -> str:
    """Describe the file beside an archive."""
    parts = [
        part for kind in (Manifest, Content) for part in (f"## {kind.__name__}", doc(kind), _members(kind))
    ]
    return page("Manifest", "A JSON file beside the archive: `<name>_dev.dump.manifest.json`.", *parts)


def _members(kind: type[Manifest | Content]) -> str:
    types = {
        name: inspect.formatannotation(of, kind.__module__)
        for name, of in inspect.get_annotations(kind).items()
    }
    return table("field | type", [(f"`{name}`", code(text)) for name, text in types.items()])


def exit_codes() -> str:
    """List the exit codes, and the errors behind them."""
    codes = table(
        "code | meaning",
        [("0", "Done."), ("1", "Failed."), ("2", "Wrong usage."), ("3", "Refused: prod was not touched.")],
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
