"""A promotion is proven: everything that the archive brings is there, and works as it did on dev."""

from dataclasses import replace
from pathlib import Path

import pytest

from pgpromote.demo import auction
from pgpromote.postgres.errors import NotProven
from pgpromote.postgres.model import Severity
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.kitchen import Promoted, promote, script
from pgpromote_tests.func.proofs import proof_of
from pgpromote_tests.servers import Server


@pytest.fixture
def promoted(dev: Server, prod: Server, tmp_path: Path) -> Promoted:
    url = dev.new_url()
    auction.build(url)
    return promote(url, dev, prod, tmp_path / "dev.dump")


@pytest.mark.parametrize("versions", [(16, 18), (17, 18)])
def test_what_a_newer_server_writes_otherwise_is_no_difference(
    start_server: StartServer, tmp_path: Path, versions: tuple[int, int]
) -> None:
    dev, prod = (start_server(major, name) for major, name in zip(versions, ("dev", "prod"), strict=True))
    done = promote(dev.new_url(script(dev.major)), dev, prod, tmp_path / "dev.dump")
    assert {(f.rule, f.severity) for f in done.findings()} <= {("objects", Severity.INFO)}


def test_a_lost_object_stops_the_promotion_even_when_every_row_is_there(promoted: Promoted) -> None:
    promoted.prod.execute("DROP INDEX public.auctions_embedding_idx", promoted.target.name)
    lost = [f.message for f in promoted.findings() if f.severity is Severity.ERROR]
    assert "INDEX public.auctions_embedding_idx of the archive is not there." in lost


def test_what_dev_left_unvalidated_may_stay_so(dev: Server, prod: Server, tmp_path: Path) -> None:
    url = dev.new_url("""
        CREATE TABLE a (id integer PRIMARY KEY); CREATE TABLE b (a_id integer); INSERT INTO b VALUES (1);
        ALTER TABLE b ADD CONSTRAINT b_a FOREIGN KEY (a_id) REFERENCES a NOT VALID;
        ALTER TABLE b ADD CONSTRAINT low CHECK (a_id < 1) NOT VALID;
    """)
    assert promote(url, dev, prod, tmp_path / "dev.dump").findings() == ()


def test_without_a_manifest_what_reads_back_otherwise_is_a_warning(
    start_server: StartServer, tmp_path: Path
) -> None:
    dev, prod = start_server(17, "dev"), start_server(17, "prod")
    url = dev.new_url("""
        CREATE EXTENSION citext; CREATE TABLE account (login citext);
        CREATE VIEW others AS SELECT * FROM account WHERE login IS DISTINCT FROM 'ann';
    """)
    done = promote(url, dev, prod, tmp_path / "dev.dump")
    (known,) = (f for f in done.findings() if f.object == "public.others")
    assert known.severity is Severity.ERROR
    assert "There it uses operator public.=(public.citext,public.citext)." in known.message
    assert "Dev: WHERE (login IS DISTINCT FROM 'ann'::public.citext);" in known.message
    (unknown,) = (f for f in done.findings_with(None) if f.object == "public.others")
    assert unknown.severity is Severity.WARNING
    assert "its manifest tells" in unknown.hint


# Extensions -------------------------------------------------------------------------------------------------


def test_an_extension_of_another_version_or_none_is_told(dev: Server, prod: Server, tmp_path: Path) -> None:
    done = promote(dev.new_url("CREATE EXTENSION vector"), dev, prod, tmp_path / "dev.dump")
    for version, severity, told in (
        ("99.0", Severity.WARNING, "older than dev's 99.0"),
        ("0.0.10", Severity.INFO, "newer than dev's 0.0.10"),
    ):
        dumped = replace(done.manifest, extensions={**done.manifest.extensions, "vector": version})
        (finding,) = done.findings_with(dumped)
        assert (finding.rule, finding.severity, finding.object) == ("extension_versions", severity, "vector")
        assert told in finding.message
    prod.execute("DROP EXTENSION vector", done.target.name)
    with pytest.raises(NotProven, match="The extension vector of the archive is not there"):
        proof_of(prod, done.clearance, None, done.target).proven()
