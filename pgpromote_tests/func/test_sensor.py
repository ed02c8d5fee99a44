"""The sensor asks for one run per new archive, whatever else lies in the directory."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._serdes import serialize_value

from pgpromote.defs.factory import build_promotion
from pgpromote.postgres.archives import archive, safety
from pgpromote.postgres.checks import adopt
from pgpromote.postgres.errors import ConfigError, ToolMissing
from pgpromote.postgres.tools import PROGRAMS
from pgpromote.promotion import SOURCE
from pgpromote.settings import from_environment
from pgpromote_tests import runs
from pgpromote_tests.func.watches import Watch
from pgpromote_tests.runs import SHOP, metadata_of
from pgpromote_tests.servers import Server


@pytest.fixture(scope="module")
def source_url(dev: Server) -> str:
    return dev.new_url(SHOP)


@pytest.fixture(scope="module")
def foreign(dev: Server, source_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dump dev as a stranger would: with pg_dump, without a manifest."""
    path = tmp_path_factory.mktemp("foreign") / "foreign.dump"
    command = [dev.tools().path("pg_dump"), "--format=custom", f"--file={path}", f"--dbname={source_url}"]
    subprocess.run(command, check=True)
    return path


@pytest.fixture
def watch(dev: Server, prod: Server, source_url: str, tmp_path: Path) -> Iterator[Watch]:
    """Watch a directory that exists and is empty, where archives without a manifest are adopted."""
    promotion = runs.promotion(source_url, prod.new_url(), tmp_path, dev, PGPROMOTE_ADOPT="1")
    Path(promotion.directory).mkdir(parents=True)
    with dg.DagsterInstance.ephemeral() as instance:
        watch = Watch(promotion, instance)
        watch.turn_on()
        yield watch


def put(foreign: Path, watch: Watch, name: str = "new.dump") -> Path:
    return Path(shutil.copy(foreign, watch.promotion.directory / name))


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def test_a_new_archive_is_requested_once_it_is_the_same_over_two_ticks(watch: Watch, foreign: Path) -> None:
    path = put(foreign, watch)

    first, second, third = watch.requested(), watch.requested(), watch.requested()

    assert (first, third) == ([], [])
    (request,) = second
    assert request.run_key == archive.digest(path)
    config = {"archive_path": str(path), "sha256": archive.digest(path), "adopt": True}
    assert request.run_config == {"ops": {"prod_schema": {"config": config}}}
    assert request.tags["pgpromote/archive"] == "new.dump"


@pytest.mark.parametrize("name", ["new.dump", "a shop's.dump", "лавка.dump"])
def test_an_archive_without_a_manifest_is_reported_once_and_taken_when_it_is_adopted(
    watch: Watch, foreign: Path, name: str
) -> None:
    watch.promotion = replace(watch.promotion, adopts=False)
    path, other = put(foreign, watch, name), put(foreign, watch, "other.dump")
    adopt.adopt(other, watch.promotion.tools(), "test")

    ticks = [watch.tick() for _ in range(4)]

    assert [len(tick.asset_events) for tick in ticks] == [0, 1, 0, 0]
    assert [len(tick.run_requests or []) for tick in ticks] == [0, 1, 0, 0]  # the other
    (observation,) = ticks[1].asset_events
    assert isinstance(observation, dg.AssetObservation)
    told = str(observation.metadata["what to do"].value)
    assert f"pgpromote adopt {shlex.quote(str(path))}" in told
    assert "PGPROMOTE_ADOPT=1" in told
    assert "remove" not in told

    adopt.adopt(path, watch.promotion.tools(), "test")
    (request,) = watch.settle()
    config = {"archive_path": str(path), "sha256": archive.digest(path)}
    assert request.run_config == {"ops": {"prod_schema": {"config": config}}}
    assert watch.settle() == []


def test_an_archive_that_replaces_an_adopted_one_is_adopted_anew_where_that_is_configured(
    watch: Watch, foreign: Path
) -> None:
    path = put(foreign, watch)
    adopt.adopt(path, watch.promotion.tools(), "test")
    (first,) = watch.settle()
    assert "adopt" not in first.run_config["ops"]["prod_schema"]["config"]
    grow(path)
    (second,) = watch.settle()
    assert second.run_config["ops"]["prod_schema"]["config"]["adopt"] is True
    adopt.take(path, watch.promotion.tools(), "test")
    manifest = archive.read_manifest(path)
    assert manifest
    assert manifest.sha256 == second.run_key == archive.digest(path)


@pytest.mark.parametrize("text", ["yes", "true", "2"])
def test_whether_archives_are_adopted_is_one_or_nothing(text: str) -> None:
    with pytest.raises(ConfigError, match="PGPROMOTE_ADOPT"):
        from_environment({"PGPROMOTE_ADOPT": text})
    assert [from_environment({"PGPROMOTE_ADOPT": each}).adopts for each in ("1", "0", "")] == [
        True,
        False,
        False,
    ]


def test_a_file_that_still_grows_is_not_looked_at(watch: Watch, foreign: Path) -> None:
    path = Path(watch.promotion.directory) / "new.dump"
    content = foreign.read_bytes()
    for end in range(0, len(content), len(content) // 4):
        path.write_bytes(content[:end])
        told = watch.tick()
        assert not told.run_requests
        assert not told.asset_events  # nor reported as broken
    path.write_bytes(content)
    assert len(watch.settle()) == 1


def test_a_file_that_was_only_touched_waits_again(watch: Watch, foreign: Path) -> None:
    path = put(foreign, watch)
    assert watch.requested() == []
    os.utime(path, ns=(1, 1))
    assert watch.requested() == []
    assert len(watch.requested()) == 1


@pytest.mark.parametrize("program", ["pg_restore", "pg_dump"])
@pytest.mark.parametrize("number", [9, 11, 15])
def test_an_archive_whose_reading_was_interrupted_is_read_again_and_stops_no_other(
    watch: Watch, foreign: Path, tmp_path: Path, program: str, number: int
) -> None:
    tools, once = watch.promotion.tools()[0], tmp_path / "once"
    for name in PROGRAMS:
        kill = f'rm "{once}" 2>/dev/null && kill -{number} $$\n' if name == program else ""
        (tmp_path / name).write_text(f'#!/bin/sh\n{kill}exec "{tools.path(name)}" "$@"\n')
        (tmp_path / name).chmod(0o755)
    watch.promotion = replace(watch.promotion, pg_bin=(tmp_path,))
    first, other = put(foreign, watch, "a.dump"), put(foreign, watch, "b.dump")
    grow(other)
    watch.tick()
    once.touch()

    interrupted = watch.requested()
    again = watch.requested()

    taken = [each.run_config["ops"]["prod_schema"]["config"]["archive_path"] for each in interrupted + again]
    assert sorted(taken) == [str(first), str(other)]
    assert len(again) == 1
    assert watch.requested() == []


def test_the_archive_of_the_promotion_itself_never_triggers(watch: Watch) -> None:
    for _ in range(2):  # a new dump replaces the old one
        assert runs.run(watch.promotion, "dump_dev").success
        assert watch.settle() + watch.settle() == []
    assert watch.known() == {watch.promotion.archive_path.name}


def test_a_foreign_archive_in_the_place_of_our_own_triggers(watch: Watch, foreign: Path) -> None:
    assert runs.run(watch.promotion, "dump_dev").success
    watch.settle()
    put(foreign, watch, watch.promotion.archive_path.name)
    (request,) = watch.settle()
    assert request.run_key == archive.digest(foreign)


def test_our_own_archive_under_another_name_is_a_new_dump(watch: Watch) -> None:
    assert runs.run(watch.promotion, "dump_dev").success
    own = Path(watch.promotion.archive_path)
    for path in (own, archive.manifest_path(own)):
        path.rename(path.with_name(path.name.replace(own.name, "yesterday.dump")))
    (request,) = watch.settle()
    assert request.tags["pgpromote/archive"] == "yesterday.dump"


def test_the_same_content_under_two_names_makes_one_run(watch: Watch, foreign: Path) -> None:
    put(foreign, watch, "a.dump")
    put(foreign, watch, "b.dump")
    assert [request.run_key for request in watch.settle()] == [archive.digest(foreign)]


def test_a_changed_file_is_requested_again_with_another_key(watch: Watch, foreign: Path, dev: Server) -> None:
    path = put(foreign, watch)
    (before,) = watch.settle()
    command = [dev.tools().path("pg_dump"), "--format=custom", "--schema-only", f"--file={path}"]
    subprocess.run([*command, f"--dbname={watch.promotion.environment[SOURCE]}"], check=True)
    (after,) = watch.settle()
    assert after.run_key != before.run_key
    asked = [request.run_config["ops"]["prod_schema"]["config"] for request in (before, after)]
    assert [config["archive_path"] for config in asked] == [str(path)] * 2
    assert [config["sha256"] for config in asked] == [before.run_key, after.run_key]


@pytest.mark.parametrize("content", [b"", b"PGDMP", b"\x89PNG\r\n\x1a\n", b"-- PostgreSQL database dump\n"])
def test_a_broken_file_is_reported_once_and_not_restored(watch: Watch, content: bytes) -> None:
    path = Path(watch.promotion.directory) / "broken.dump"
    path.write_bytes(content)

    ticks = [watch.tick() for _ in range(4)]

    assert [tick.run_requests or [] for tick in ticks] == [[], [], [], []]
    assert [len(tick.asset_events) for tick in ticks] == [0, 1, 0, 0]
    (observation,) = ticks[1].asset_events
    assert isinstance(observation, dg.AssetObservation)
    assert observation.asset_key == dg.AssetKey("dev_dump_archive")
    assert str(path) in str(observation.description)
    assert observation.metadata["path"].value == str(path)
    assert observation.metadata["what to do"].value


def test_a_file_cut_in_its_data_is_broken_too(watch: Watch, foreign: Path) -> None:
    path = put(foreign, watch)
    path.write_bytes(foreign.read_bytes()[:-40])
    watch.tick()
    told = watch.tick()
    assert not told.run_requests
    assert len(told.asset_events) == 1


def test_a_broken_file_is_looked_at_again_when_it_changes(watch: Watch, foreign: Path) -> None:
    path = Path(watch.promotion.directory) / "new.dump"
    path.write_bytes(b"PGDMP")
    assert watch.settle() == []
    put(foreign, watch)
    assert len(watch.settle()) == 1
    grow(path)  # bytes after the end of an archive change its digest
    assert len(watch.settle()) == 1


def test_a_broken_file_does_not_hide_a_good_one(watch: Watch, foreign: Path) -> None:
    (Path(watch.promotion.directory) / "a.dump").write_bytes(b"PGDMP")
    put(foreign, watch, "b.dump")
    watch.tick()
    told = watch.tick()
    assert [request.tags["pgpromote/archive"] for request in told.run_requests or []] == ["b.dump"]
    assert len(told.asset_events) == 1


@pytest.mark.parametrize(
    "name", ["full.sql", "new.dump.partial", "new.dump.manifest.json", "new.tar", "dump"]
)
def test_other_files_are_none_of_its_business(watch: Watch, foreign: Path, name: str) -> None:
    put(foreign, watch, name)
    assert watch.settle() == []
    assert watch.known() == set()


def test_a_safety_archive_of_prod_never_triggers(watch: Watch, foreign: Path) -> None:
    Path(watch.promotion.safety_dir).mkdir()
    taken = safety.path(watch.promotion.safety_dir, watch.promotion.target().name, datetime.now(UTC))
    shutil.copy(foreign, taken)
    assert watch.settle() == []
    assert watch.known() == set()


@pytest.mark.parametrize("kind", ["directory", "dangling link", "unreadable"])
def test_what_cannot_be_read_does_not_hide_a_good_archive(watch: Watch, foreign: Path, kind: str) -> None:
    if kind == "unreadable" and os.geteuid() == 0:
        kind = "link to itself"  # root reads everything but this
    odd = Path(watch.promotion.directory) / "a.dump"
    if kind == "directory":
        odd.mkdir()
    elif kind == "unreadable":
        odd.touch(mode=0o000)
    else:
        odd.symlink_to("a.dump" if kind == "link to itself" else "nowhere")
    put(foreign, watch, "b.dump")
    assert [request.tags["pgpromote/archive"] for request in watch.settle()] == ["b.dump"]
    assert watch.settle() == []


def test_a_name_that_is_not_utf8_is_reported_and_hides_nothing(watch: Watch, foreign: Path) -> None:
    put(foreign, watch, os.fsdecode(b"caf\xe9.dump"))
    put(foreign, watch, "good.dump")
    watch.tick()
    told = watch.tick()
    assert [request.tags["pgpromote/archive"] for request in told.run_requests or []] == ["good.dump"]
    (observation,) = told.asset_events
    assert r"caf\xe9.dump" in str(observation.description)
    assert serialize_value(observation).encode()  # what Dagster stores


def test_a_file_that_is_gone_is_forgotten(watch: Watch, foreign: Path) -> None:
    path = put(foreign, watch)
    watch.settle()
    path.unlink()
    assert watch.settle() == []
    assert watch.known() == set()
    put(foreign, watch)  # it came back: the same key, so that Dagster does not run it again
    assert [request.run_key for request in watch.settle()] == [archive.digest(foreign)]


def test_a_directory_that_does_not_exist_yet_is_fine(watch: Watch, foreign: Path) -> None:
    Path(watch.promotion.directory).rmdir()
    assert watch.settle() == []
    Path(watch.promotion.directory).mkdir()
    put(foreign, watch)
    assert len(watch.settle()) == 1


@pytest.mark.parametrize(
    "cursor", ["{", "[]", "7", '{"settling": {}, "future": {}}', '{"done": null}', "null"]
)
def test_with_a_cursor_that_is_not_ours_the_sensor_begins_as_if_turned_on(
    watch: Watch, foreign: Path, cursor: str
) -> None:
    put(foreign, watch)
    watch.started = time.time()
    watch.cursor = cursor
    assert watch.settle() == []
    put(foreign, watch, "later.dump")
    assert len(watch.settle()) == 1


def test_missing_client_programs_fail_the_tick_instead_of_blaming_the_file(
    watch: Watch, foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pgpromote.postgres.tools.PACKAGED", ())
    put(foreign, watch)
    watch.tick()
    complete, watch.promotion = watch.promotion, replace(watch.promotion, pg_bin=(tmp_path,))
    with pytest.raises(ToolMissing):
        watch.tick()
    watch.promotion = complete
    assert len(watch.requested()) == 1


def test_the_tick_says_why_nothing_runs(watch: Watch, foreign: Path) -> None:
    put(foreign, watch)
    assert "1 still settling" in str(watch.tick().skip_message)
    watch.tick()
    assert "1 archive(s) known" in str(watch.tick().skip_message)


@pytest.mark.parametrize("prefix", ["", "shop_"])
@pytest.mark.parametrize("name", ["new.dump", "it's new\n& ünïcode.dump"])
def test_what_is_requested_validates_and_really_restores(
    watch: Watch, foreign: Path, prefix: str, name: str
) -> None:
    watch.prefix = prefix
    put(foreign, watch, name)
    (request,) = watch.settle()
    job = build_promotion(watch.promotion, prefix).resolve_job_def(f"{prefix}restore_prod")
    assert dg.validate_run_config(job, request.run_config)

    result = job.execute_in_process(
        run_config=request.run_config, instance=watch.instance, tags=request.tags, raise_on_error=False
    )

    assert result.success
    shown = metadata_of(result, f"{prefix}prod_schema")
    assert shown["dagster/row_count"].value == runs.ROWS
    assert shown["SHA-256"].value == request.run_key
