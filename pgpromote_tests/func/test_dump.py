"""A dump: whole, private, described, and never at the cost of the archive that was there before."""

import fcntl
import json
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres import archive
from pgpromote.postgres.errors import Busy, ConfigError, SessionFailed, ToolFailed
from pgpromote.postgres.model import Filters
from pgpromote.postgres.server import Database, parse_url
from pgpromote_tests.func.command_line import dumped, wait_until_waiting
from pgpromote_tests.servers import Server

SHOP = """
CREATE EXTENSION vector; CREATE SCHEMA other;
CREATE TABLE users (id integer PRIMARY KEY, name text); CREATE INDEX users_name ON users (name);
INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 500) AS n;
CREATE VIEW names AS SELECT name FROM users;
CREATE TABLE other."Log" (id integer); INSERT INTO other."Log" VALUES (1);
"""


@pytest.fixture
def source(dev: Server) -> Database:
    return dev.new_database(SHOP, variable="DEV_DATABASE_URL")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dumps" / "shop.dump"


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def test_a_dump_leaves_a_private_archive_with_its_manifest_and_nothing_else(
    dev: Server, source: Database, path: Path
) -> None:
    sample = dumped(dev, source, path)
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["shop.dump", "shop.dump.manifest.json"]
    assert (mode(path), mode(archive.manifest_path(path)), mode(path.parent)) == ("0o600", "0o600", "0o700")
    assert sample.archive == archive.read(path)


def test_the_manifest_says_what_the_archive_is(dev: Server, source: Database, path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    sample = dumped(dev, source, path)
    manifest = json.loads(archive.manifest_path(path).read_text())
    assert archive.read_manifest(path) == sample.manifest
    assert manifest["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert manifest["size"] == path.stat().st_size
    assert before <= datetime.fromisoformat(manifest["created_at"]) <= datetime.now(UTC)
    assert manifest["source"] == f"{source.name} on 127.0.0.1:{dev.cluster.port}"
    assert manifest["server_version"].split(".")[0] == str(dev.major)
    assert manifest["pg_dump_version"].split(".")[0] == str(dev.major)
    assert (manifest["encoding"], manifest["filters"]) == ("UTF8", "")
    assert set(manifest["extensions"]) == {"plpgsql", "vector"}
    assert manifest["counts"] == sample.archive.counts()
    assert manifest["counts"]["TABLE DATA"] == 2


@pytest.mark.versions(15, 16, 17, 18)
def test_the_manifest_says_how_large_the_source_is_and_how_far_its_keys_go(dev: Server, path: Path) -> None:
    source = dev.new_database("""
        CREATE TABLE orders ("Id" smallint PRIMARY KEY, note text);
        INSERT INTO orders VALUES (7, ''), (2, '');
        CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b)); INSERT INTO pairs VALUES (1, 2);
        CREATE TABLE names (id text PRIMARY KEY); INSERT INTO names VALUES ('x');
        CREATE TABLE empty (id bigint PRIMARY KEY);
        CREATE TABLE parts (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (9999999999);
        INSERT INTO parts VALUES (5000000000);
    """)
    manifest = dumped(dev, source, path).manifest
    highest = {name: content.highest for name, content in manifest.contents.items()}
    assert highest == {
        "public.orders": 7,
        "public.pairs": None,
        "public.names": None,
        "public.empty": None,
        "public.part": 5_000_000_000,
    }
    assert manifest.contents["public.orders"].rows == 2
    assert manifest.database_size is not None
    assert manifest.database_size > 1_000_000


@pytest.mark.parametrize(
    ("wanted", "method"),
    [("", "gzip"), ("gzip:9", "gzip"), ("gzip", "gzip"), ("none", "none"), ("0", "none")],
)
def test_the_compression_can_be_chosen(
    dev: Server, source: Database, path: Path, wanted: str, method: str
) -> None:
    assert dumped(dev, source, path, compression=wanted).manifest.compression == method


@pytest.mark.parametrize("wanted", ["zstd", "lz4:1", "banana", "gzip:99", "gzip:x", "gzip:1:2", "none:1"])
def test_a_compression_that_this_client_lacks_is_refused_and_names_what_it_can(
    dev: Server, source: Database, path: Path, wanted: str
) -> None:
    with pytest.raises(ConfigError, match="cannot compress with") as refusal:
        dumped(dev, source, path, compression=wanted)
    assert wanted in str(refusal.value)
    assert "gzip:1" in refusal.value.hint
    assert not path.exists()


@pytest.fixture
def older(path: Path) -> Iterator[Path]:
    """Lay an archive from before there: it must stay whole, and nothing may be left beside it."""
    path.parent.mkdir()
    path.write_bytes(b"older")
    archive.manifest_path(path).write_text("older manifest")
    yield path
    assert path.read_bytes() == b"older"
    assert archive.manifest_path(path).read_text() == "older manifest"
    assert not [entry for entry in path.parent.iterdir() if entry.name.endswith(".partial")]


def test_a_failed_dump_names_the_object_and_keeps_the_older_archive(
    dev: Server, source: Database, older: Path
) -> None:
    dev.execute(f"CREATE ROLE reader_{source.name} LOGIN PASSWORD '{dev.cluster.password}'")
    reader = parse_url(dev.url(source.name, f"reader_{source.name}"), "DEV_DATABASE_URL")
    with pytest.raises(ToolFailed, match="permission denied") as failure:
        dumped(dev, reader, older)
    assert source.label in str(failure.value)
    assert "pg_read_all_data" in failure.value.hint


def test_rows_hidden_by_row_security_fail_the_dump_instead_of_being_left_out(
    dev: Server, source: Database, older: Path
) -> None:
    dev.execute("ALTER TABLE users ENABLE ROW LEVEL SECURITY", source.name)
    dev.execute(
        f"CREATE ROLE auditor_{source.name} LOGIN IN ROLE pg_read_all_data PASSWORD '{dev.cluster.password}'"
    )
    auditor = parse_url(dev.url(source.name, f"auditor_{source.name}"), "DEV_DATABASE_URL")
    with pytest.raises(ToolFailed, match="users") as failure:
        dumped(dev, auditor, older)
    assert "BYPASSRLS" in failure.value.hint


def test_a_lost_session_fails_the_dump_and_keeps_the_older_archive(
    dev: Server, source: Database, older: Path
) -> None:
    def terminate(line: str) -> None:
        if "dumping contents" in line:
            dev.execute(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{source.name}'"
            )

    dev.execute(
        "INSERT INTO users SELECT n, repeat('x', 1000) FROM generate_series(501, 20000) n", source.name
    )
    # Whoever notices first tells: pg_dump, or our own session when pg_dump was just through.
    with pytest.raises((ToolFailed, SessionFailed), match=r"pg_dump of|terminating connection"):
        dumped(dev, source, older, on_line=terminate)


def test_the_remains_of_a_dead_dump_are_overwritten(dev: Server, source: Database, path: Path) -> None:
    path.parent.mkdir()
    partial = path.with_name("shop.dump.partial")
    partial.write_bytes(b"PGDMP remains" * 100_000)
    partial.chmod(0o644)
    dumped(dev, source, path)
    archive.verify(path, dev.tools())
    assert not partial.exists()
    assert mode(path) == "0o600"


def test_a_link_at_the_archives_place_is_replaced_not_followed(
    dev: Server, source: Database, path: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    path.parent.mkdir()
    path.symlink_to(elsewhere)
    dumped(dev, source, path)
    assert elsewhere.read_bytes() == b"precious"
    assert not path.is_symlink()


@pytest.mark.parametrize("name", ["shop.dump.partial", "shop.dump.manifest.json.partial"])
def test_a_link_at_the_partial_files_place_is_refused(
    dev: Server, source: Database, path: Path, tmp_path: Path, *, name: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    path.parent.mkdir()
    path.with_name(name).symlink_to(elsewhere)
    with pytest.raises(ToolFailed, match="cannot be written") as failure:
        dumped(dev, source, path)
    assert "symbolic link" in failure.value.hint
    assert elsewhere.read_bytes() == b"precious"


def test_a_directory_at_the_archives_place_is_an_error(dev: Server, source: Database, path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(ToolFailed, match=r"shop\.dump cannot be written"):
        dumped(dev, source, path)
    assert list(path.parent.iterdir()) == [path]


def test_a_second_dump_into_the_same_file_is_refused_and_harms_nothing(
    dev: Server, source: Database, path: Path
) -> None:
    path.parent.mkdir()
    with path.with_name("shop.dump.partial").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(b"half of another dump")
        file.flush()
        with pytest.raises(Busy, match=r"Another dump is writing .*shop\.dump\.partial"):
            dumped(dev, source, path)
        assert path.with_name("shop.dump.partial").read_bytes() == b"half of another dump"


@pytest.mark.parametrize(
    ("filters", "tables", "rows"),
    [
        (Filters(tables=("users",)), ["users"], 1),
        (Filters(tables=("us*", 'other."Log"')), ["users", "Log"], 2),
        (Filters(schemas=("other",)), ["Log"], 1),
        (Filters(exclude_tables=("users", "names")), ["Log"], 1),
        (Filters(exclude_schemas=("oth*",)), ["users"], 1),
        (Filters(schema_only=True), ["users", "Log"], 0),
        (Filters(data_only=True), [], 2),
    ],
)
def test_a_limited_dump_holds_what_was_asked_for_and_says_so(
    dev: Server, source: Database, path: Path, *, filters: Filters, tables: list[str], rows: int
) -> None:
    sample = dumped(dev, source, path, filters=filters)
    assert sorted(entry.tag for entry in sample.archive.of_kind("TABLE")) == sorted(tables)
    assert len(sample.archive.of_kind("TABLE DATA")) == rows
    assert sample.manifest.filters == str(filters)


@pytest.mark.parametrize(
    ("filters", "name"),
    [
        (Filters(tables=("nosuch",)), "nosuch"),
        (Filters(tables=("users", "nosuch")), "nosuch"),
        (Filters(tables=("Log",)), "Log"),
        (Filters(schemas=("nosuch",)), "nosuch"),
        (Filters(exclude_tables=("nosuch",)), "nosuch"),
        (Filters(exclude_tables=('"Users"',)), "Users"),
        (Filters(exclude_schemas=("Other1",)), "Other1"),
    ],
)
def test_a_pattern_that_matches_nothing_is_an_error(
    dev: Server, source: Database, path: Path, filters: Filters, name: str
) -> None:
    with pytest.raises((ConfigError, ToolFailed), match=name):
        dumped(dev, source, path, filters=filters)
    assert not path.exists()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_source_in_another_encoding_is_dumped_with_its_names(
    dev: Server, path: Path, encoding: str
) -> None:
    name = f"old_{encoding.lower()}_{next(dev.numbers)}"
    dev.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    dev.execute("CREATE EXTENSION vector; CREATE TABLE plain (id int)", name)
    sample = dumped(dev, parse_url(dev.url(name), "DEV_DATABASE_URL"), path)
    assert (sample.manifest.encoding, sample.archive.encoding) == (encoding, encoding)
    assert set(sample.manifest.extensions) == {"plpgsql", "vector"}
    assert archive.read_manifest(path) == sample.manifest


ODD = ['it\'s "odd"\nBücher 💶 \\', "host=nowhere dbname=postgres", "postgresql://x/y", "[/red] :x: %s $1"]


@pytest.mark.parametrize("name", ODD)
def test_a_database_schema_and_table_with_an_odd_name_are_dumped(dev: Server, path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    database = f"{name} {dev.major}"
    if not dev.rows(f"SELECT FROM pg_database WHERE datname = $odd${database}$odd$"):
        dev.new_url(f"CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.{quoted} ({quoted} int)", database)
    sample = dumped(dev, parse_url(dev.url(database), "DEV_DATABASE_URL"), path)
    assert [(entry.schema, entry.tag) for entry in sample.archive.of_kind("TABLE")] == [(name, name)]
    assert sample.archive.source_database == database


def test_a_dump_waits_for_a_lock_and_goes_on(dev: Server, source: Database, path: Path) -> None:
    with psycopg.connect(dev.url(source.name)) as session:
        session.execute("LOCK TABLE users")
        samples: list[object] = []
        thread = threading.Thread(target=lambda: samples.append(dumped(dev, source, path)))
        thread.start()
        wait_until_waiting(dev, "Lock")
        session.rollback()
        thread.join()
    assert samples
