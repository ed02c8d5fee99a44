"""An archive without a manifest is adopted on purpose: read, hashed, known by then, never called proven."""

import json
import os
import random
import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

import dagster as dg
import pytest

from pgpromote.postgres import dump
from pgpromote.postgres.archives import archive
from pgpromote.postgres.checks import adopt, preflight
from pgpromote.postgres.errors import ArchiveError
from pgpromote.postgres.model import Manifest
from pgpromote.postgres.place import Place
from pgpromote.postgres.rows.compare import NOT_PROVEN, Unproven
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.tools import PROGRAMS, Tools
from pgpromote.promotion import SOURCE
from pgpromote_tests import hard, runs
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.command_line import Ended, command_line
from pgpromote_tests.func.test_alerts import receiving
from pgpromote_tests.runs import SHOP, metadata_of
from pgpromote_tests.servers import COMPRESSING, Server

METHODS = ["none", "gzip:1", "zstd:1", "lz4:1"]
FLIPS = 15 if hard.FULL else 3
# Names up to 63 bytes, of other alphabets, with quotes; settings that change how text is read and written.
ODD = """
    CREATE TABLE "a{long}" (id integer PRIMARY KEY, "it's ""an odd"" name" text);
    INSERT INTO "a{long}" SELECT n, 'row ' || n FROM generate_series(1, 40) AS n;
    CREATE VIEW "в" AS SELECT * FROM "a{long}";
""".format(long="ж" * 31)
HOSTILE = "ALTER DATABASE {} SET quote_all_identifiers = on; ALTER DATABASE {} SET DateStyle = 'SQL, DMY';"


def bare(dev: Server, url: str, path: Path, *options: str) -> Path:
    """Dump dev as a stranger would: with pg_dump, without a manifest."""
    command = [dev.tools().path("pg_dump"), "--format=custom", f"--file={path}", f"--dbname={url}"]
    subprocess.run([*command, *options], check=True)
    return path


def unprivileged(prod: Server) -> str:
    """Make a prod for the owner that the README asks for, and return its URL."""
    owner = f"owner_{next(prod.numbers)}"
    prod.execute(f"CREATE ROLE {owner} CREATEDB")
    prod.let_in(owner)
    name = prod.new_database().name
    prod.execute(f"ALTER DATABASE {name} OWNER TO {owner};" + HOSTILE.format(name, name))
    return prod.url(name, owner)


def told_to_type(ended: Ended) -> list[str]:
    """Return the arguments of the command that a refusal says to type."""
    (line,) = [line for line in ended.stderr.splitlines() if "pgpromote adopt " in line]
    return shlex.split(line.partition("run: pgpromote ")[2])


@pytest.mark.parametrize(
    ("major", "name"), [(16, 'a shop\'s "own".dump'), (16, "-x.dump"), (18, "лавка 💶.dump")], scope="module"
)
def test_a_bare_archive_is_refused_and_restored_after_the_one_command_that_the_refusal_names(
    dev: Server, prod: Server, tmp_path: Path, name: str
) -> None:
    source, target = dev.new_url(ODD), unprivileged(prod)
    commands = command_line(tmp_path, dev, source, prod, target)
    path = bare(dev, source, tmp_path / name)
    size = path.stat().st_size

    refused = commands.run("restore", path)
    assert refused.returncode == 3
    assert "manifest_there" in refused.stderr
    assert "emove" not in refused.stderr
    adopted = commands.run(*told_to_type(refused))
    assert adopted.returncode == 0, adopted.stderr
    assert NOT_PROVEN in adopted.stdout
    planned = " ".join(commands.run("plan", path).stdout.split())
    assert "by swap, prod would lose no object; whether it would lose rows is not known;" in planned
    assert "lose nothing" not in planned
    restored = commands.run("restore", path)

    assert restored.returncode == 0, restored.stderr
    assert f"objects only; {NOT_PROVEN}: {Unproven.ADOPTED}" in restored.stdout
    assert "equal to what was dumped" not in restored.stdout
    (page,) = [p for p in (tmp_path / "data" / "reports").glob("*.html") if NOT_PROVEN in p.read_text()]
    assert f"<h1>Prod is restored; {NOT_PROVEN}.</h1>" in page.read_text()
    assert prod.rows('SELECT count(*) FROM "в"', target.rpartition("/")[2]) == [(40,)]
    assert (path.stat().st_size, archive.manifest_path(path).stat().st_mode & 0o777) == (size, 0o600)


def test_the_manifest_of_an_adoption_knows_the_file_and_claims_nothing_of_its_source(
    dev: Server, tmp_path: Path
) -> None:
    path = bare(dev, dev.new_url(SHOP), tmp_path / "shop.dump")
    found, manifest = adopt.adopt(path, [dev.tools()], "shop")
    assert archive.read_manifest(path) == manifest
    assert (manifest.sha256, manifest.size) == (archive.digest(path), path.stat().st_size)
    assert (manifest.adopted, manifest.contents, manifest.members) == (True, {}, None)
    assert (manifest.promotion, manifest.source) == ("shop", found.source_database)
    assert manifest.counts == found.counts()


def test_a_manifest_of_the_version_before_is_read_as_one_that_its_dump_wrote(tmp_path: Path) -> None:
    path = tmp_path / "shop.dump"
    told = asdict(Manifest("shop", "aa", 1, "", 1, "shop", "16.1", "16.1", "gzip", "UTF8", "c C", {}, {}, {}))
    del told["adopted_at"]
    archive.manifest_path(path).write_text(json.dumps(told))
    manifest = archive.read_manifest(path)
    assert manifest
    assert not manifest.adopted


def cut(whole: bytes) -> bytes:
    return whole[:-40]


BROKEN: Mapping[str, Callable[[bytes], bytes]] = {
    "cut in its data": cut,
    "cut in its contents": lambda whole: whole[:200],
    "empty": lambda _: b"",
    "no archive": lambda _: b"\x89PNG\r\n\x1a\n",
    "plain SQL": lambda _: b"-- PostgreSQL database dump\n",
}


@pytest.mark.parametrize("kind", [*BROKEN, "tar", "directory", "nothing", "pipe"])
def test_what_is_broken_or_of_another_format_is_not_adopted(
    dev: Server, source: str, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "shop.dump"
    if kind in BROKEN:
        path.write_bytes(BROKEN[kind](bare(dev, source, tmp_path / "whole").read_bytes()))
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind != "nothing":
        bare(dev, source, path, f"--format={kind}")
    with pytest.raises(ArchiveError):
        adopt.adopt(path, [dev.tools()], "shop")
    assert not archive.manifest_path(path).exists()
    assert [p for p in tmp_path.iterdir() if "manifest" in p.name] == []


@pytest.mark.parametrize("kind", ["dumped", "dumped, changed", "adopted", "adopted, changed", "damaged"])
def test_what_has_a_manifest_keeps_it_and_the_refusal_says_what_to_do(
    dev: Server, source: str, tmp_path: Path, kind: str
) -> None:
    commands = command_line(tmp_path, dev, source, None, "postgresql://nobody@127.0.0.1/prod")
    path = tmp_path / "dumps" / "shop" / "shop_dev.dump"
    if kind.startswith("adopted"):
        path.parent.mkdir(parents=True)
        adopt.adopt(bare(dev, source, path), [dev.tools()], "shop")
    else:
        assert commands.run("dump").returncode == 0
    if kind == "damaged":
        archive.manifest_path(path).write_text("{")
    if kind.endswith("changed"):
        bare(dev, source, path, "--schema-only")
    before = archive.manifest_path(path).read_bytes()

    ended = commands.run("adopt", path)

    assert ended.returncode == 1
    assert "Hint: " in ended.stderr
    assert "emove" not in ended.stderr
    assert "elete" not in ended.stderr
    assert archive.manifest_path(path).read_bytes() == before
    assert ("--anew" in ended.stderr) is (kind == "adopted, changed")
    again = commands.run("adopt", "--anew", path)
    assert again.returncode == (0 if kind.startswith("adopted") else 1)
    if kind == "adopted, changed":
        assert "--anew" not in commands.run("adopt", path).stderr


def meanwhile(dev: Server, directory: Path, script: str) -> Tools:
    """Return client programs that let something else happen before each reads an archive."""
    tools, place = dev.tools(), directory / "bin"
    place.mkdir()
    for name in PROGRAMS:
        (place / name).write_text(f'#!/bin/sh\n{script}\nexec "{tools.path(name)}" "$@"\n')
        (place / name).chmod(0o755)
    return replace(tools, directory=place)


@pytest.mark.parametrize("change", ['printf x >> "{}"', 'cp "{}" "{}.new" && mv "{}.new" "{}"'])
def test_a_file_that_changes_while_it_is_adopted_is_not(
    dev: Server, source: str, tmp_path: Path, change: str
) -> None:
    path = bare(dev, source, tmp_path / "shop.dump")
    tools = meanwhile(dev, tmp_path, change.replace("{}", str(path)))
    with pytest.raises(ArchiveError, match="was changed while it was read"):
        adopt.adopt(path, [tools], "shop")
    assert not archive.manifest_path(path).exists()


def test_a_manifest_that_arrives_while_its_archive_is_adopted_is_kept(
    dev: Server, source: str, tmp_path: Path
) -> None:
    path = tmp_path / "shop.dump"
    _, own = dump.dump(parse_url(source, SOURCE), path, [dev.tools()], "shop")
    arriving, place = tmp_path / "arriving", archive.manifest_path(path)
    place.rename(arriving)
    tools = meanwhile(dev, tmp_path, f'cp "{arriving}" "{place}"')
    with pytest.raises(ArchiveError, match="has a manifest: there is nothing to adopt"):
        adopt.adopt(path, [tools], "shop")
    assert archive.read_manifest(path) == own


@pytest.fixture(scope="module")
def source(start_server: StartServer) -> str:
    return start_server(16, "dev").new_url(SHOP)


@pytest.fixture(scope="module")
def target(start_server: StartServer) -> Database:
    return start_server(COMPRESSING, "prod").new_database()


@pytest.mark.parametrize("method", METHODS)
def test_a_bit_that_flips_after_the_adoption_is_always_refused(
    start_server: StartServer, target: Database, tmp_path: Path, method: str
) -> None:
    dev = start_server(COMPRESSING, "dev")
    path = bare(dev, dev.new_url(SHOP), tmp_path / "shop.dump", f"--compress={method}")
    adopt.adopt(path, [dev.tools()], "shop")
    assert preflight.examine(path, Place(target), [dev.tools()]).clearance
    whole, chosen = path.read_bytes(), random.Random(method)  # noqa: S311 - no secret
    for _ in range(FLIPS):
        flipped = bytearray(whole)
        flipped[chosen.randrange(len(whole))] ^= 1 << chosen.randrange(8)
        path.write_bytes(flipped)
        report = preflight.examine(path, Place(target), [dev.tools()])
        assert report.clearance is None
        assert [found.rule for found in report.of("archive_readable")] == ["archive_readable"]


def test_a_run_in_dagster_adopts_when_asked_and_says_everywhere_that_rows_are_not_proven(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    promotion = runs.promotion(dev.new_url(SHOP), prod.new_url(), tmp_path, dev)
    path = bare(dev, promotion.environment[SOURCE], tmp_path / "shop.dump")
    refused = runs.run(promotion, "restore_prod", {"prod_schema": {"archive_path": str(path)}})
    assert not refused.success
    _, description, _ = runs.failure_of(refused)
    assert "pgpromote adopt " in description

    result = runs.run(promotion, "restore_prod", {"prod_schema": {"archive_path": str(path), "adopt": True}})

    assert result.success
    sentence = f"objects only; {NOT_PROVEN}: {Unproven.ADOPTED}"
    shown = metadata_of(result, "prod_schema")
    assert f"- Proven: {sentence}" in str(shown["summary"].value)
    assert shown["proven"].value == sentence
    contents = runs.checks_of(result, "prod_schema")["contents"]
    assert not contents.passed
    assert contents.severity is dg.AssetCheckSeverity.WARN
    assert NOT_PROVEN in str(contents.description)
    report = metadata_of(result, "promotion_report")
    assert sentence in str(report["summary"].value)
    manifest = archive.read_manifest(path)
    assert manifest
    assert manifest.adopted


def test_what_fails_after_a_swap_of_unproven_rows_calls_nothing_proven(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    source = dev.new_url(SHOP)
    commands = command_line(tmp_path, dev, source, prod, prod.new_url()).having(
        PGPROMOTE_REPORT_DIR="/dev/null/reports"
    )
    path = bare(dev, source, tmp_path / "shop.dump")
    assert commands.run("adopt", path).returncode == 0
    ended = commands.run("restore", path)
    assert f"Prod was swapped ({NOT_PROVEN}: {Unproven.ADOPTED}); " in ended.stderr
    assert "is proven" not in ended.text


def test_an_alert_of_a_run_whose_rows_are_not_proven_says_so(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    source = dev.new_url(SHOP)
    (tmp_path / "dagster.yaml").touch()
    commands = command_line(tmp_path, dev, source, prod, prod.new_url()).having(DAGSTER_HOME=str(tmp_path))
    assert commands.run("refresh").returncode == 0
    dev.execute("ALTER TABLE tags SET UNLOGGED", source.rpartition("/")[2])
    with receiving([]) as receiver:
        ended = commands.having(PGPROMOTE_WEBHOOK_URL=receiver.url).run("refresh", "--proof", "count")
    assert ended.returncode == 0, ended.stderr
    ((_, told),) = receiver.received
    assert told["event"] == "audit_worse"
    assert f"{NOT_PROVEN}: {Unproven.COUNTED}" in told["untouched"]
    assert NOT_PROVEN in ended.stdout
