"""A promotion is proven: everything that the archive brings is there, and works as it did on dev."""

from pathlib import Path

import pytest

from pgpromote.demo import auction
from pgpromote.postgres import dump, objects, preflight, prove, repair, restore
from pgpromote.postgres.errors import NotProven
from pgpromote.postgres.model import Clearance, Manifest
from pgpromote.postgres.server import Database, connect, parse_url
from pgpromote_tests.servers import Server

Promoted = tuple[Clearance, Manifest, Database]


def promote(url: str, dev: Server, prod: Server, path: Path) -> Promoted:
    """Dump, restore and repair; what is left to do is the proof."""
    target = prod.new_database()
    _, manifest = dump.dump(parse_url(url, "DEV_DATABASE_URL"), path, [dev.tools()], "test")
    clearance = preflight.examine(path, target, [prod.tools()]).cleared()
    restore.create_extensions(clearance, target, "test")
    restore.restore(clearance, target, [prod.tools()], "test")
    repair.repair(target, "test")
    return clearance, manifest, target


@pytest.fixture
def promoted(dev: Server, prod: Server, tmp_path: Path) -> Promoted:
    url = dev.new_url()
    auction.build(url)
    return promote(url, dev, prod, tmp_path / "dev.dump")


LOST = {
    "a view": ("DROP VIEW public.open_auctions CASCADE", "VIEW public.open_auctions"),
    "an index": ("DROP INDEX public.auctions_embedding_idx", "INDEX public.auctions_embedding_idx"),
    "a primary key": (
        "ALTER TABLE public.reviews DROP CONSTRAINT reviews_pkey CASCADE",
        "CONSTRAINT public.reviews reviews_pkey",
    ),
    "a trigger": (
        'DROP TRIGGER number_invoice ON "BackOffice".invoices',
        "TRIGGER BackOffice.invoices number_invoice",
    ),
    "a policy": (
        "DROP POLICY messages_of_one_user ON public.messages",
        "POLICY public.messages messages_of_one_user",
    ),
    "row security": (
        "ALTER TABLE public.messages DISABLE ROW LEVEL SECURITY",
        "ROW SECURITY public.messages of the archive is not there",
    ),
    "a rule": ("DROP RULE countries_stay ON public.countries", "RULE public.countries countries_stay"),
    "a statistics object": ("DROP STATISTICS public.auctions_category_state", "STATISTICS public.auctions"),
    "a default": ("ALTER TABLE public.payments ALTER id DROP DEFAULT", "DEFAULT public.payments id"),
    "a partition": (
        "ALTER TABLE public.auction_events DETACH PARTITION public.auction_events_2025",
        "TABLE ATTACH public.auction_events_2025",
    ),
    "a disabled trigger": (
        "ALTER TABLE public.auctions DISABLE TRIGGER log_change",
        "TRIGGER public.auctions log_change is disabled; on dev it was enabled",
    ),
    "an enabled trigger": (
        "ALTER TABLE public.reviews ENABLE TRIGGER log_deletion",
        "TRIGGER public.reviews log_deletion is enabled; on dev it was disabled",
    ),
    "an invalid index": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.auctions_seller_idx'::regclass",
        "INDEX public.auctions_seller_idx is invalid; on dev it was valid",
    ),
    "an empty materialized view": (
        "REFRESH MATERIALIZED VIEW public.category_turnover WITH NO DATA",
        "MATERIALIZED VIEW DATA public.category_turnover is empty; on dev it was populated",
    ),
}


def test_a_whole_promotion_has_nothing_missing(promoted: Promoted) -> None:
    clearance, manifest, target = promoted
    assert prove.prove(clearance, manifest, target, "test").findings == ()


def test_what_is_lost_or_does_not_work_is_named(promoted: Promoted, prod: Server) -> None:
    clearance, _, target = promoted
    assert clearance.archive
    for change, told in LOST.values():
        prod.execute(f"SET allow_system_table_mods = on; {change}", target.name)
        with connect(target) as session:
            messages = [finding.message for finding in objects.incomplete(session, clearance.archive)]
        assert any(told in message for message in messages), (change, messages)


def test_a_lost_object_stops_the_promotion_even_when_every_row_is_there(
    promoted: Promoted, prod: Server
) -> None:
    clearance, manifest, target = promoted
    prod.execute("DROP INDEX public.auctions_embedding_idx", target.name)
    with pytest.raises(NotProven, match=r"INDEX public\.auctions_embedding_idx of the archive is not there"):
        prove.prove(clearance, manifest, target, "test").proven()


def test_what_dev_left_unvalidated_or_empty_may_stay_so(dev: Server, prod: Server, tmp_path: Path) -> None:
    url = dev.new_url("""
        CREATE TABLE a (id integer PRIMARY KEY); CREATE TABLE b (a_id integer); INSERT INTO b VALUES (1);
        ALTER TABLE b ADD CONSTRAINT b_a FOREIGN KEY (a_id) REFERENCES a NOT VALID;
        ALTER TABLE b ADD CONSTRAINT low CHECK (a_id < 1) NOT VALID;
        CREATE MATERIALIZED VIEW later AS SELECT * FROM a WITH NO DATA;
    """)
    clearance, manifest, target = promote(url, dev, prod, tmp_path / "dev.dump")
    assert prove.prove(clearance, manifest, target, "test").findings == ()
