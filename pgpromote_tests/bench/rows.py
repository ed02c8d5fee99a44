"""Rows made of the measurements, one per goal of the project."""

from collections.abc import Sequence

from pgpromote_tests.bench.contenders import Promoted
from pgpromote_tests.bench.figures import Figure, Row, figure, ratio
from pgpromote_tests.bench.measures import Point, Sides

MANUAL = Row(
    "manual",
    "promotion ÷ pg_dump -Fc + pg_restore --clean --if-exists -j4",
    0.70,
    then=0.65,
    because="A second and a half is the same for any size, so small data misses. gzip, the best that the 16 "
    "and 18 of this bench have, computes three times as long as zstd (--major 17).",
)
PGCOPYDB = Row(
    "pgcopydb",
    "promotion ÷ pgcopydb clone",
    0.88,
    then=0.80,
    because="It writes no archive, compresses nothing, hashes nothing. On 15 ours can only use gzip.",
)
BARE = Row(
    "bare",
    "promotion ÷ pg_dump + pg_restore with our settings",
    1.00,
    because="All cores are busy nearly all the time, so hashes cost time; a second and a half is the same "
    "for any size.",
)
ORCHESTRATION = Row("orchestration", "almost empty refresh through Dagster, without the tools", 3.0, "s")
START = Row("start", "computing of pgpromote --version ÷ that of python -c pass", 4.0)
LOADED = Row("start", "computing to load pgpromote {} ÷ that to load psycopg", 2.0)
CATALOG = Row(
    "catalog",
    "catalog work on {} tables",
    5.0,
    "s",
    because="Each session that touches 10,000 tables loads them into its cache first, 0.1 ms each; five do.",
)
QUERIES = Row("catalog", "catalog queries, {} tables ÷ {} tables", 1.0)
GAP = Row("gap", "prod unavailable, by the cut-over's own clock", 0.2, "s")
OUTAGE = Row("gap", "prod unavailable, as a client sees it that comes back", 0.2, "s")
MEMORY = Row("memory", "peak memory of our own process", 200.0, "MB")
FLATNESS = Row("memory", "peak memory, largest ÷ smallest data", 1.25)
KEYS = tuple(
    dict.fromkeys(r.key for r in (MANUAL, PGCOPYDB, BARE, ORCHESTRATION, START, CATALOG, GAP, MEMORY))
)
# Parts that read catalogs. What writes (repairs made, rights made, ANALYZE) grows with the tables and may.
CATALOG_PARTS = ("checks", "loss preview", "tally", "repair plan", "completeness", "rights", "audits")


def side_rows(sides: Sides) -> list[Row]:
    """Compare the promotion with the contenders beside it, and add how much it promoted."""
    ours, said = sides.seconds["pgpromote"], f"{sides.size / 1e6:,.0f} MB, PostgreSQL {sides.version}"
    rows = {row.key: row for row in (MANUAL, BARE)}
    return [rows[name].measured(ratio(ours, theirs), said) for name, theirs in sides.others.items()]


def pgcopydb_row(sides: Sides | None, said: str) -> Row:
    """Compare the promotion with pgcopydb, or give the reason why that could not be."""
    if sides is None:
        return PGCOPYDB.unmeasured(said)
    return PGCOPYDB.measured(ratio(sides.seconds["pgpromote"], sides.others["pgcopydb"]), said)


def orchestration_row(done: Sequence[Promoted]) -> Row:
    """Return the time of the whole without that of the tools."""
    return ORCHESTRATION.measured(figure([each.seconds - each.tools for each in done]))


# What is run for the rows of a start: Python, its driver of PostgreSQL, and ours.
NOTHING, DRIVER, VERSION = (
    "pass",
    "import psycopg",
    "from pgpromote.cli import pgpromote; pgpromote(['--version'])",
)
LOADING = "from pgpromote.cli import pgpromote; pgpromote.commands['{}']"
LOADED_COMMANDS = ("dump", "promote")
STARTED = (NOTHING, DRIVER, VERSION, *(LOADING.format(name) for name in LOADED_COMMANDS))


def start_rows(seconds: Sequence[Sequence[float]]) -> list[Row]:
    """Compare what a start computes, round by round in the order of `STARTED`, with what Python does."""
    nothing, driver, version, *loaded = zip(*seconds, strict=True)
    commands = zip(LOADED_COMMANDS, loaded, strict=True)
    rows = (LOADED.named(name).measured(ratio(ours, driver)) for name, ours in commands)
    return [START.measured(ratio(version, nothing)), *rows]


def catalog_rows(points: Sequence[Point]) -> list[Row]:
    """Sum the time of the parts that read catalogs, and compare their numbers of queries."""
    first, last = points[0], points[-1]
    seconds = sum(last.promoted.parts[part].seconds for part in CATALOG_PARTS)
    queries = [sum(point.promoted.queries[part] for part in CATALOG_PARTS) for point in (first, last)]
    return [
        CATALOG.named(f"{last.tables:,}").measured(figure([seconds])),
        QUERIES.named(f"{last.tables:,}", f"{first.tables:,}").measured(
            figure([queries[1] / queries[0]]), f"{queries[0]:,} and {queries[1]:,} queries"
        ),
    ]


def gap_rows(points: Sequence[Point]) -> list[Row]:
    """Return the longest gap of all sizes."""
    sizes = f"{points[0].size / 1e6:,.0f} to {points[-1].size / 1e6:,.0f} MB; the worst counts"
    return [
        GAP.measured(_worst([point.promoted.gap_ms / 1000 for point in points]), sizes),
        OUTAGE.measured(_worst([point.outage for point in points]), sizes),
    ]


def memory_rows(points: Sequence[Point]) -> list[Row]:
    """Return the highest peak of all sizes, and whether it grows with them."""
    peaks = [point.promoted.peak_bytes / 1e6 for point in points]
    sizes = f"{points[0].size / 1e6:,.0f} to {points[-1].size / 1e6:,.0f} MB"
    return [
        MEMORY.measured(_worst(peaks), f"{sizes}; the worst counts"),
        FLATNESS.measured(figure([peaks[-1] / peaks[0]]), sizes),
    ]


def _worst(values: Sequence[float]) -> Figure:
    return Figure(max(values), min(values), max(values))
