"""A promotion takes its own archives, of the database that it promotes; others only when they are named."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg.sql import Identifier

from pgpromote.postgres.archives import archive
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.model import Severity
from pgpromote.promotion import SOURCE, SOURCE_ID, TARGET
from pgpromote.run import rollback
from pgpromote.run.check import look
from pgpromote.run.options import Options
from pgpromote_tests import runs
from pgpromote_tests.func.command_line import CommandLine
from pgpromote_tests.func.losses import Place
from pgpromote_tests.func.origins import (
    OURS,
    THEIRS,
    Two,
    dump,
    named,
    promoted,
    refused,
    said,
    without_dev,
)
from pgpromote_tests.func.shops import new_name, roles
from pgpromote_tests.func.walks import Stage
from pgpromote_tests.servers import Server

# Another's archive ------------------------------------------------------------------------------------------


def test_an_archive_of_another_promotion_is_refused_by_both_names(two: Two, tmp_path: Path) -> None:
    path = two.delivered(tmp_path / "new.dump")
    promotion, database = refused(two.ours, archive_path=path)
    assert promotion.object == "billing"
    assert "is an archive of the promotion billing, not of shop" in promotion.message
    assert "PGPROMOTE_NAME=shop for the dump" in promotion.hint
    assert "--allow billing" in promotion.hint
    assert database.object == two.theirs.promotion.source().name


def test_another_promotion_and_another_database_are_taken_when_both_are_allowed(
    two: Two, prod: Server, tmp_path: Path
) -> None:
    path, database = two.delivered(tmp_path / "new.dump"), two.theirs.promotion.source().name
    (left,) = refused(two.ours, archive_path=path, allow=("billing",))
    assert left.object == database
    (left,) = refused(two.ours, archive_path=path, allow=(database,))
    assert left.object == "billing"
    allowed = promoted(two.ours, archive_path=path, allow=("billing", database))
    assert allowed == [Severity.WARNING] * 2
    assert prod.rows("SELECT count(*) FROM bills", two.ours.promotion.target().name) == [(2,)]


def test_a_run_of_dagster_takes_another_archive_by_its_name_alone(two: Two, tmp_path: Path) -> None:
    path = two.delivered(tmp_path / "new.dump")
    asked = {"archive_path": str(path)}
    with two.ours.untouched():
        assert not runs.run(two.ours.promotion, "restore_prod", {"prod_schema": asked}).success
    allowed = {**asked, "allow": ["billing", two.theirs.promotion.source().name]}
    assert runs.run(two.ours.promotion, "restore_prod", {"prod_schema": allowed}).success


@pytest.mark.parametrize(
    ("kind", "user"),
    [
        ("plain", "superuser"),
        ("quotes", "owner"),
        ("unicode", "superuser"),
        ("the longest", "owner"),
        ("the longest in unicode", "owner"),
    ],
)
def test_a_bare_archive_of_another_database_is_refused_and_taken_by_name(
    dev: Server, prod: Server, tmp_path: Path, kind: str, user: str
) -> None:
    """One table of another database went in by command line without a question."""
    own, other = (new_name(dev, kind) for _ in range(2))
    staged = named(stage_of(dev, prod, tmp_path, own, user), "shop")
    dev.new_url(THEIRS, other)
    path = tmp_path / "bills.dump"
    command = [dev.tools().path("pg_dump"), "--format=custom", "--table=bills", f"--file={path}"]
    subprocess.run([*command, f"--dbname={dev.url(other)}"], check=True)

    (found,) = refused(staged, archive_path=path, adopt=True)

    assert found.object == other
    assert f"was dumped from the database {other}; DEV_DATABASE_URL names {own}" in found.message
    assert promoted(staged, archive_path=path, allow=(other,)) == [Severity.WARNING]
    staged.dump()
    assert promoted(staged) == []


def stage_of(dev: Server, prod: Server, tmp_path: Path, own: str, user: str) -> Stage:
    """Promote from a database of this name into one that a plain role owns, or as a superuser."""
    target = prod.new_database(OURS)
    dev.new_url(OURS, own)
    url = prod.url(target.name)
    if user == "owner":
        (role,) = roles(prod, 1, "CREATEDB")
        database = Identifier(target.name).as_string()
        prod.execute(
            f"ALTER DATABASE {database} OWNER TO {role}; ALTER TABLE orders OWNER TO {role}", target.name
        )
        url = prod.url(target.name, role)
    promotion = runs.promotion(dev.url(own), url, tmp_path, dev)
    return Stage(dev, prod, promotion)


def test_the_command_line_says_what_to_type(two: Two, tmp_path: Path) -> None:
    path = two.delivered(tmp_path / "new.dump")
    commands = CommandLine(tmp_path, two.ours.promotion.environment)
    with two.ours.untouched():
        ended = commands.run("restore", path)
    assert ended.returncode == Refused.exit_code
    told = " ".join(ended.text.split())
    assert "--allow billing" in told
    database = two.theirs.promotion.source().name
    assert commands.run("restore", path, "--allow", "billing", "--allow", database).returncode == 0


# Which database it is, where none is configured -------------------------------------------------------------


def test_without_dev_the_database_of_the_last_promotion_is_the_one_to_come_from(
    two: Two, tmp_path: Path
) -> None:
    dump(two.ours.promotion)
    assert promoted(two.ours) == []
    alone = without_dev(two.ours)
    assert promoted(alone) == []
    path = two.delivered(tmp_path / "new.dump")
    found = refused(alone, archive_path=path, allow=("billing",))[0]
    assert f"prod was last promoted from {two.ours.promotion.source().name}" in found.message


def test_where_nothing_is_known_an_archive_passes_and_it_is_said(ours: Stage) -> None:
    dump(ours.promotion)
    (found,) = said(without_dev(ours))
    assert found.severity is Severity.INFO
    assert "Nothing tells whether prod comes from" in found.message
    assert promoted(without_dev(ours)) == [Severity.INFO]
    assert promoted(without_dev(ours)) == []


def test_a_rollback_leaves_the_last_known_source(ours: Stage) -> None:
    dump(ours.promotion)
    for _ in range(2):
        promoted(ours)
    with ours.walk() as run:
        rollback.bring_back(run.promotion, run.run_id)
    assert said(without_dev(ours)) == []


# Which one of that name -------------------------------------------------------------------------------------


def rebuilt(ours: Stage) -> None:
    name = ours.promotion.source().name
    ours.dev.drop({name})
    ours.dev.new_url(OURS, name)


def gone(ours: Stage) -> Stage:
    url = ours.dev.url(ours.promotion.source().name).replace(f":{ours.dev.cluster.port}/", ":1/")
    return named(ours, ours.promotion.name, **{SOURCE: url})


@pytest.mark.parametrize("look", [lambda ours: ours, without_dev, gone], ids=["dev", "no dev", "dev is down"])
def test_a_database_that_was_made_anew_is_a_warning(ours: Stage, look: Callable[[Stage], Stage]) -> None:
    dump(ours.promotion)
    assert promoted(ours) == []
    rebuilt(ours)
    if look(ours) is not ours:
        dump(ours.promotion)  # dev of today, prod from the one before
    (found,) = said(look(ours))
    assert found.severity is Severity.WARNING
    assert "dev was rebuilt or moved" in found.message
    assert "PGPROMOTE_SOURCE_ID=" in found.hint
    assert promoted(look(ours)) == [Severity.WARNING]


def test_the_same_name_on_another_server_is_a_warning(ours: Stage, prod: Server, tmp_path: Path) -> None:
    name = new_name(prod, "plain")
    url = prod.new_url(OURS, name)
    ours.dev.new_url(OURS, name)
    here = named(ours, "shop", **{SOURCE: ours.dev.url(name)})
    there = named(ours, "shop", **{SOURCE: url})
    dump(there.promotion)
    assert promoted(here) == [Severity.WARNING]


def source_id(path: Path) -> tuple[str, int]:
    manifest = archive.read_manifest(path)
    assert manifest
    assert manifest.source_oid
    return manifest.system_identifier, manifest.source_oid


def test_a_database_that_was_made_anew_is_refused_where_its_identifier_is_demanded(ours: Stage) -> None:
    path = Path(ours.promotion.archive_path)
    dump(ours.promotion)
    system, oid = source_id(path)
    for demanded in (system, f"{system}/{oid}"):
        assert promoted(named(ours, "shop", **{SOURCE_ID: demanded})) == []
    rebuilt(ours)
    dump(ours.promotion)
    system, new = source_id(path)
    pinned = named(ours, "shop", **{SOURCE_ID: f"{system}/{oid}"})

    (found,) = refused(pinned)

    assert f"of {system}/{new}; PGPROMOTE_SOURCE_ID demands {system}/{oid}" in found.message
    assert f"set PGPROMOTE_SOURCE_ID={system}/{new}" in found.hint
    assert promoted(pinned, allow=(ours.promotion.source().name,)) == [Severity.WARNING]
    assert promoted(named(ours, "shop", **{SOURCE_ID: system})) == []


@pytest.mark.parametrize("demanded", ["1", "1/16384"])
def test_what_does_not_say_where_it_is_from_is_not_the_one_demanded(ours: Stage, demanded: str) -> None:
    dump(ours.promotion)
    archive.manifest_path(ours.promotion.archive_path).unlink()
    (found,) = refused(named(ours, "shop", **{SOURCE_ID: demanded}), adopt=True)
    assert "of no identifier" in found.message


# Which of both ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [(15, "a plain owner"), (18, "a plain owner")], indirect=True, ids=str)
@pytest.mark.parametrize("setting", ["search_path = evil", "default_transaction_read_only = on"])
def test_exchanged_urls_are_refused_whoever_we_are_and_whatever_is_set(place: Place, setting: str) -> None:
    ours = place(in_prod="")
    ours.promote(accept_loss=("all",))
    prod, urls = ours.promotion.target().name, ours.promotion.environment
    ours.prod.execute(f"ALTER DATABASE {prod} SET {setting}")
    turned = named(ours, ours.promotion.name, **{SOURCE: urls[TARGET], TARGET: urls[SOURCE]})

    before, allowed = (
        look(turned.promotion, Options(allow=allow), "test", dumped=False) for allow in ((), (prod,))
    )

    assert [each.rule for each in before.errors] == ["right_direction"]
    assert f"{prod} was itself promoted from" in before.errors[0].message
    assert allowed.errors == ()
