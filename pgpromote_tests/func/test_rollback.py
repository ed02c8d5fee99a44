"""A rollback brings back what prod was last, or says why it cannot tell."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pgpromote.postgres.archives.store import FILES
from pgpromote.postgres.databases import mark, previous
from pgpromote.postgres.databases.mark import Kind, Mark
from pgpromote.postgres.errors import PgpromoteError, Refused
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.strategy import CLEAN, SWAP, Strategy
from pgpromote.promotion import TARGET
from pgpromote.run import rollback
from pgpromote.run.check import look
from pgpromote.run.steps import RETAIN, promote
from pgpromote.settings import from_environment
from pgpromote_tests.func.command_line import CommandLine
from pgpromote_tests.func.shops import login, roles
from pgpromote_tests.func.walks import Stage, stage
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long

AT = datetime(2026, 3, 1, 4, 5, 6, 78900, tzinfo=UTC)


@pytest.fixture
def staged(dev: Server, prod: Server, tmp_path: Path) -> Stage:
    """Return a prod whose one row says 1."""
    return stage(dev, prod, tmp_path, "CREATE TABLE t (n int PRIMARY KEY)", table(1))


def table(number: int) -> str:
    return f"CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES ({number})"


def promote_number(staged: Stage, number: int, strategy: Strategy = SWAP, *, archived: bool = True) -> None:
    """Promote a dev whose one row says the number."""
    staged.in_dev(f"DELETE FROM t; INSERT INTO t VALUES ({number})")
    staged.promote(strategy=strategy, safety_archive=archived)


def number(staged: Stage) -> object:
    ((found,),) = staged.prod.rows("SELECT n FROM t", staged.promotion.target().name)
    return found


def back(staged: Stage, name: str = "") -> None:
    with staged.walk() as run:
        rollback.bring_back(run.promotion, run.run_id, name)


def elsewhere(staged: Stage, **settings: str) -> Stage:
    """Return the same promotion with other settings, as another machine may have them."""
    return replace(staged, promotion=from_environment({**staged.promotion.environment, **settings}))


def refused(staged: Stage, rule: str, name: str = "") -> str:
    """Check that the rollback is refused under the rule, and that prod stays; return what is said."""
    with staged.untouched(), pytest.raises(Refused) as refusal:
        back(staged, name)
    assert [finding.rule for finding in refusal.value.findings] == [rule]
    return str(refusal.value)


# Prod was changed in place since ----------------------------------------------------------------------------


def test_another_spelling_of_the_host_finds_the_same_safety_archive(staged: Stage) -> None:
    promote_number(staged, 2)
    promote_number(staged, 3, CLEAN)
    url = staged.promotion.environment[TARGET]
    assert "127.0.0.1" in url

    back(elsewhere(staged, **{TARGET: url.replace("127.0.0.1", "localhost")}))

    assert number(staged) == 2


def test_without_the_safety_archive_only_a_name_goes_further_back(staged: Stage, tmp_path: Path) -> None:
    promote_number(staged, 2)
    promote_number(staged, 3, CLEAN)
    (kept,) = staged.beside()

    told = refused(elsewhere(staged, PGPROMOTE_DUMP_DIR=str(tmp_path / "other")), "rollback_certain")

    assert f"pgpromote rollback {kept}" in told
    assert "PGPROMOTE_DUMP_DIR" in told
    back(staged, kept)
    assert number(staged) == 1


def test_what_was_never_archived_is_not_guessed(staged: Stage) -> None:
    promote_number(staged, 2)
    promote_number(staged, 3, CLEAN)
    promote_number(staged, 4, CLEAN, archived=False)

    refused(staged, "rollback_certain")  # the archive that is there holds 2, and prod was 3 last


def test_yesterday_is_the_last_change_however_they_alternate(staged: Stage) -> None:
    promote_number(staged, 2)
    promote_number(staged, 3, CLEAN)
    promote_number(staged, 4)
    promote_number(staged, 5, CLEAN)
    with staged.walk() as run:
        databases, archives = rollback.history(run.promotion, run.run_id)
    assert (len(databases), len(archives)) == (2, 2)

    back(staged)
    assert number(staged) == 4
    back(staged)
    assert number(staged) == 5
    back(staged, archives[1].path.name)
    assert number(staged) == 2


def test_an_older_safety_archive_never_stands_in_for_the_last_one(staged: Stage) -> None:
    promote_number(staged, 2)
    promote_number(staged, 3, CLEAN)
    promote_number(staged, 4)
    promote_number(staged, 5, CLEAN)
    with staged.walk() as run:
        Path(rollback.history(run.promotion, run.run_id)[1][0].path).unlink()

    refused(staged, "rollback_certain")


def test_a_swap_after_a_change_in_place_is_rolled_back_as_ever(staged: Stage) -> None:
    promote_number(staged, 2)
    promote_number(staged, 3, CLEAN, archived=False)
    promote_number(staged, 4)

    back(staged)

    assert number(staged) == 3


def test_an_archive_of_another_server_is_not_prod_s(staged: Stage) -> None:
    promote_number(staged, 2, CLEAN)
    with staged.walk() as run:
        (_, (taken,)) = rollback.history(run.promotion, run.run_id)
    manifest = FILES.manifest(taken.path)
    assert manifest
    (system,) = staged.prod.rows("SELECT system_identifier::text FROM pg_control_system()")
    assert (manifest.system_identifier,) == system
    foreign = replace(manifest, system_identifier="1")
    FILES.describe(taken.path, foreign)

    assert "not this prod" in refused(staged, "rollback_archive", taken.path.name)
    refused(staged, "swap_previous")


def test_an_older_archive_without_the_server_s_identifier_is_known_by_its_label(staged: Stage) -> None:
    promote_number(staged, 2, CLEAN)
    with staged.walk() as run:
        (_, (taken,)) = rollback.history(run.promotion, run.run_id)
    manifest = FILES.manifest(taken.path)
    assert manifest
    older = replace(manifest, system_identifier="")
    FILES.describe(taken.path, older)

    back(staged)

    assert number(staged) == 1


def test_a_change_in_place_that_cannot_be_marked_is_not_made(staged: Stage) -> None:
    promote_number(staged, 2)  # by a superuser
    owner, name = roles(staged.prod, 1)[0], staged.promotion.target().name
    staged.prod.execute(f"ALTER DATABASE {name} OWNER TO {owner}")
    staged.in_prod(f"ALTER TABLE t OWNER TO {owner}; ALTER SCHEMA public OWNER TO {owner}")
    (kept,) = staged.beside()

    with pytest.raises(Refused, match=f"Only its owner postgres may mark {kept}"):
        promote_number(elsewhere(staged, **{TARGET: staged.prod.url(name, owner)}), 3, CLEAN)

    assert number(staged) == 2
    assert previous.history(staged.promotion.place())[0].overwritten_at is None


def test_the_safety_archive_of_a_run_outlives_it_though_none_is_kept(staged: Stage) -> None:
    staged = elsewhere(staged, PGPROMOTE_KEEP="0")
    staged.in_dev("INSERT INTO t VALUES (2)")
    staged.dump()
    with staged.walk(strategy=CLEAN) as run:
        promote(run)
        RETAIN.walk(run)
        assert run.state.prepared
        assert run.state.prepared.safety
        assert FILES.state(run.state.prepared.safety)

    back(staged)

    assert number(staged) == 1


# The owner has changed --------------------------------------------------------------------------------------


def test_the_previous_of_an_earlier_owner_is_named_and_comes_back_once_it_is_given_over(
    staged: Stage,
) -> None:
    (earlier, later), name = roles(staged.prod, 2), staged.promotion.target().name
    staged.prod.execute(f"ALTER DATABASE {name} OWNER TO {earlier}")
    promote_number(staged, 2)
    staged.prod.execute(f"ALTER DATABASE {name} OWNER TO {later}")
    (kept,) = staged.beside()

    (found,) = previous.history(staged.promotion.place())
    assert (found.name, found.owner, found.trusted, found.usable) == (kept, earlier, False, False)
    for asked in ("", kept):
        assert f'ALTER DATABASE "{kept}" OWNER TO' in refused(staged, "previous_owner", asked)

    staged.prod.execute(f"ALTER DATABASE {kept} OWNER TO {later}")
    back(staged)
    assert number(staged) == 1


def test_an_older_previous_never_stands_in_for_one_of_an_earlier_owner(staged: Stage) -> None:
    (earlier, later), name = roles(staged.prod, 2), staged.promotion.target().name
    promote_number(staged, 2)
    staged.prod.execute(f"ALTER DATABASE {name} OWNER TO {earlier}")
    promote_number(staged, 3)
    staged.prod.execute(f"ALTER DATABASE {name} OWNER TO {later}")

    refused(staged, "previous_owner")


# Without superuser ------------------------------------------------------------------------------------------


def of_owner(staged: Stage, *members: str) -> str:
    """Give prod to a role that may create databases, and the role to others; return it."""
    (owner,), name = roles(staged.prod, 1, "CREATEDB"), staged.promotion.target().name
    staged.prod.execute(f"ALTER DATABASE {name} OWNER TO {owner}")
    staged.in_prod(f"ALTER TABLE t OWNER TO {owner}")
    for member in members:
        staged.prod.execute(f"GRANT {owner} TO {member}")
    return owner


def warned(staged: Stage) -> list[Finding]:
    """Say what a check of the strategy clean warns of about a rollback; that dev is empty is known."""
    with staged.walk(strategy=CLEAN, accept_loss=("t",)) as run:
        report = look(run.promotion, run.options, run.run_id)
    assert report.clearance
    return list(report.of("rollback_possible"))


@pytest.mark.versions(15, 18)
def test_a_member_of_the_owner_brings_back_a_safety_archive(staged: Stage) -> None:
    (member,), name = roles(staged.prod, 1, "CREATEDB"), staged.promotion.target().name
    owner = of_owner(staged, member)
    staged = elsewhere(staged, **{TARGET: staged.prod.url(name, member)})
    staged.dump()
    assert warned(staged) == []
    promote_number(staged, 2, CLEAN)

    back(staged)

    assert number(staged) == 1
    assert staged.prod.rows("SELECT relowner::regrole::text FROM pg_class WHERE relname = 't'", name) == [
        (owner,)
    ]


def test_a_mark_that_a_rollback_could_not_carry_is_warned_of_before_and_the_hint_helps(staged: Stage) -> None:
    owner, name = of_owner(staged), staged.promotion.target().name
    staged.prod.execute(f"ALTER DATABASE {name} SET {mark.PROD_SETTING} TO {mark.PROD_VALUE}")
    staged = elsewhere(staged, **{TARGET: staged.prod.url(name, owner)})
    staged.dump()
    (found,) = warned(staged)
    assert (found.severity, found.object) == (Severity.WARNING, mark.PROD_SETTING)
    promote_number(staged, 2, CLEAN)
    refused(staged, "swap_possible")

    staged.prod.execute(found.hint.removeprefix("As a superuser, run: ").partition(" or reset it")[0])

    assert warned(staged) == []
    back(staged)
    assert number(staged) == 1


def test_an_owner_that_a_rollback_could_not_give_back_to_is_warned_of_and_refused_by_name(
    staged: Stage,
) -> None:
    owner, name = of_owner(staged), staged.promotion.target().name
    (stranger,) = roles(staged.prod, 1)
    staged.in_prod(
        f"CREATE TABLE s (); ALTER TABLE s OWNER TO {stranger};"
        f"GRANT SELECT ON s TO {owner}; GRANT CREATE ON SCHEMA public TO {stranger}"
    )
    staged = elsewhere(staged, **{TARGET: staged.prod.url(name, owner)})
    staged.dump()
    (found,) = warned(staged)
    assert found.object == stranger
    promote_number(staged, 2, CLEAN)
    assert f'GRANT "{stranger}" TO "{owner}";' in refused(staged, "rights")

    staged.prod.execute(found.hint)
    (creating,) = warned(staged)
    assert "may not create there" in creating.message
    refused(staged, "rights")
    staged.prod.execute(f"ALTER ROLE {owner} SUPERUSER")
    assert warned(staged) == []
    back(staged)
    assert number(staged) == 1


# What stays behind ------------------------------------------------------------------------------------------


def test_the_command_leaves_a_subscription_behind_only_where_it_is_allowed(
    staged: Stage, tmp_path: Path
) -> None:
    commands = CommandLine(tmp_path, staged.promotion.environment)
    promote_number(staged, 2)
    name = f"sub_{next(staged.prod.numbers)}"
    staged.in_prod(f"CREATE SUBSCRIPTION {name} CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false)")

    refused = commands.run("rollback", "--yes")
    assert (refused.returncode, name in refused.stderr) == (3, True)
    done = commands.run("rollback", "--yes", "--allow", name, "--json")

    assert done.returncode == 0, done.stderr
    assert number(staged) == 1
    left = done.json()["previous"]
    staged.prod.execute(f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE); DROP SUBSCRIPTION {name}", left)


# Prod is gone -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["DROP DATABASE {}", "ALTER DATABASE {} RENAME TO {}_away"])
def test_the_statement_that_brings_back_a_prod_that_is_gone_is_told_and_works(
    staged: Stage, how: str
) -> None:
    name, (owner,) = staged.promotion.target().name, roles(staged.prod, 1)
    staged.prod.execute(f"ALTER DATABASE {name} OWNER TO {owner}")
    promote_number(staged, 2)
    promote_number(staged, 3)
    newest = max(staged.beside())
    staged.prod.execute(how.format(name, name))

    with pytest.raises(PgpromoteError, match=f"no database {name}") as told:
        back(staged)

    assert f"{newest} of {owner}" in told.value.hint
    staged.prod.execute(told.value.hint.partition("brings it back: ")[2])
    assert number(staged) == 2


def test_without_a_previous_a_prod_that_is_gone_is_a_name_to_correct(prod: Server, staged: Stage) -> None:
    gone = login(prod, "nowhere", "postgres")
    assert gone.name == "nowhere"
    with pytest.raises(PgpromoteError, match=r"no database nowhere[\s\S]*Correct its name"):
        back(elsewhere(staged, **{TARGET: prod.url("nowhere")}))


# What a mark says -------------------------------------------------------------------------------------------


def test_a_mark_says_whether_prod_was_changed_in_place_since() -> None:
    untouched = Mark(Kind.PREVIOUS, "shop", 1, "p", AT)
    overwritten = replace(untouched, overwritten_at=AT)

    assert "overwritten_at" not in untouched.text()  # so an older pgpromote reads it
    assert mark.read(untouched.text()) == untouched
    assert mark.read(overwritten.text()) == overwritten


@pytest.mark.parametrize(
    "text",
    [
        '{"at": "0001-01-01T00:00:00+14:00"}',
        '{"at": "2026-01-01T00:00:00+00:00", "overwritten_at": 5}',
        "[" * 100_000,
    ],
    ids=["time out of range", "no time", "too deep"],
)
def test_a_stranger_s_mark_never_stops_anybody(text: str) -> None:
    assert mark.read(mark.SIGN + text) is None
