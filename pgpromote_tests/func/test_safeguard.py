"""In place: a safety archive of prod is taken first, and brings back what was changed."""

from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres.errors import (
    PgpromoteError,
    RestoreFailed,
)
from pgpromote.postgres.model import Severity
from pgpromote.postgres.strategy import CLEAN, RESET_SCHEMA, Strategy
from pgpromote.promotion import TARGET
from pgpromote.run import rollback
from pgpromote.run.options import Options
from pgpromote.run.run import needed, start
from pgpromote.run.steps import (
    PREPARE,
    promote,
)
from pgpromote.settings import from_environment
from pgpromote_tests.func.walks import BROKEN_CHECK, Stage, shop, until
from pgpromote_tests.servers import Server


@pytest.fixture
def staged(dev: Server, prod: Server, tmp_path: Path) -> Stage:
    return shop(dev, prod, tmp_path)


@pytest.mark.parametrize("strategy", [CLEAN, RESET_SCHEMA])
@pytest.mark.versions(15, 16, 17, 18)
def test_what_was_changed_in_place_comes_back_from_the_safety_archive(
    staged: Stage, strategy: Strategy
) -> None:
    staged.in_prod(
        "ALTER TABLE customers OWNER TO reader_of_runs; CREATE PUBLICATION feed FOR TABLE customers"
    )
    before = staged.contents()
    staged.promote(strategy=strategy)
    assert staged.contents() != before
    assert staged.beside() == []

    with staged.walk() as run:
        rollback.bring_back(run.promotion, run.run_id)

    assert staged.contents() == before
    assert len(staged.beside()) == 1


def test_a_failed_restore_in_place_is_rolled_back_to_what_prod_was(staged: Stage) -> None:
    before = staged.contents()
    staged.in_dev(BROKEN_CHECK)
    staged.dump()
    with pytest.raises(RestoreFailed, match="low") as raised, staged.walk(strategy=CLEAN) as run:
        promote(run)
    assert "holds prod as it was; pgpromote rollback brings it back" in str(raised.value)
    assert staged.contents() != before

    with staged.walk() as run:
        rollback.bring_back(run.promotion, run.run_id)

    assert staged.contents() == before


def test_a_rollback_takes_the_newest_and_can_be_rolled_back(staged: Stage) -> None:
    first = staged.contents()
    staged.promote()
    second = staged.contents()
    staged.in_dev("DELETE FROM tags")
    staged.promote(strategy=CLEAN, accept_loss=("tags",))
    third = staged.contents()
    for expected in (second, third):
        with staged.walk() as run:
            rollback.bring_back(run.promotion, run.run_id)
        assert staged.contents() == expected
    with staged.walk() as run:
        databases, archives = rollback.history(run.promotion, run.run_id)
        assert len(archives) == 1
        rollback.bring_back(run.promotion, run.run_id, databases[-1].name)
    assert staged.contents() == first


def test_a_safety_archive_that_could_not_come_back_is_told_before_prod_changes(staged: Stage) -> None:
    role = f"owner_{staged.promotion.target().name}"
    password = psycopg.sql.Literal(staged.prod.cluster.password).as_string()
    staged.prod.execute(f"CREATE ROLE {role} LOGIN PASSWORD {password}; GRANT reader_of_runs TO {role}")
    staged.in_prod(f"ALTER DATABASE {staged.promotion.target().name} OWNER TO {role}; DROP TABLE customers")
    staged.in_prod(f"GRANT ALL ON SCHEMA public TO {role}; ALTER SCHEMA public OWNER TO {role}")
    staged.dump()
    ours = staged.prod.url(staged.promotion.target().name, role)
    environment = {**staged.promotion.environment, TARGET: ours}
    with start(from_environment(environment), "test", Options(strategy=CLEAN)) as run:
        warnings = needed(until(run, PREPARE).prepared).warnings
    assert any("right to create databases" in finding.message for finding in warnings), warnings
    assert {(finding.rule, finding.severity) for finding in warnings} == {
        ("safety_archive", Severity.WARNING)
    }


def test_no_safety_archive_is_taken_when_it_was_not_wanted(staged: Stage) -> None:
    staged.promote(strategy=CLEAN, safety_archive=False)
    assert not Path(staged.promotion.safety_dir).exists()


def test_a_safety_archive_that_cannot_be_taken_leaves_prod(staged: Stage) -> None:
    staged.dump()
    Path(staged.promotion.safety_dir).write_text("in the way")
    with (
        staged.untouched(),
        pytest.raises(PgpromoteError, match="safety"),
        staged.walk(strategy=CLEAN) as run,
    ):
        promote(run)
