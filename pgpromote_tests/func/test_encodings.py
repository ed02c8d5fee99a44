"""Names and values outside ASCII go through, whatever the encodings of both databases are."""

from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres import dump
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.errors import ToolFailed
from pgpromote.postgres.loading import restore
from pgpromote.postgres.model import Archive, Filters, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import parse_url
from pgpromote.postgres.strategy import SWAP
from pgpromote.run.check import look
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.pairs import proven, stage, told
from pgpromote_tests.func.proofs import proof_of

C = "LOCALE 'C'"
TEXTS = {
    "LATIN1": "straße", "LATIN9": "größe €", "KOI8R": "цены", "WIN1252": "Œuvre “x”", "EUC_JP": "価格 テスト",
    "EUC_TW": "價格", "SQL_ASCII": "prix_été", "UTF8": "naïve 価格",
}  # fmt: skip


def named(text: str) -> str:
    """Make objects of several kinds with a name and a value outside ASCII."""
    return f"""
        CREATE SCHEMA "s {text}";
        CREATE TABLE "s {text}"."t {text}" (id serial PRIMARY KEY, "c {text}" text, list varchar(20)[]);
        INSERT INTO "s {text}"."t {text}" ("c {text}", list)
            VALUES ('{text}', ARRAY['{text}', NULL]), ('x', NULL);
        CREATE TABLE exact (a char(20), b varchar, k text GENERATED ALWAYS AS ('{text}' || 'x') STORED);
        INSERT INTO exact VALUES ('{text}', '{text}');
        CREATE FUNCTION same(a text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT a';
        CREATE INDEX "i {text}" ON exact (same(b));
        CREATE VIEW "v {text}" AS SELECT '{text}' AS "{text}";
        COMMENT ON TABLE exact IS '{text}';
    """


@pytest.mark.parametrize(
    ("source", "target"),
    [
        *((encoding, encoding) for encoding in TEXTS if encoding != "UTF8"),
        *((encoding, "UTF8") for encoding in TEXTS if encoding != "SQL_ASCII"),
    ],
)
def test_names_and_values_outside_ascii_go_from_any_encoding_to_its_own_and_to_utf8(
    start_server: StartServer, tmp_path: Path, source: str, target: str
) -> None:
    dev, prod = start_server(16, "dev"), start_server(16, "prod")
    text = TEXTS[source]
    dev_url = dev.new_url(named(text), options=f"ENCODING '{source}' {C}")
    prod_url = prod.new_url(options=f"ENCODING '{target}' {C}")
    shop = stage(dev, prod, tmp_path, dev_url, prod_url, client=dev)
    shop.dump()

    proven(shop)

    query = f'SELECT "c {text}", list::text FROM "s {text}"."t {text}" ORDER BY id'
    assert prod.rows(query, shop.promotion.target().name) == dev.rows(query, shop.promotion.source().name)
    assert dev.rows(query, shop.promotion.source().name)[0][0] == text


def test_a_value_that_was_changed_is_found_though_the_encodings_differ(
    start_server: StartServer, tmp_path: Path
) -> None:
    dev, prod = start_server(16, "dev"), start_server(16, "prod")
    script = "CREATE TABLE t (a text); INSERT INTO t VALUES ('é'), ('e');"
    source = parse_url(dev.new_url(script, options=f"ENCODING 'LATIN1' {C}"), "DEV_DATABASE_URL")
    target = prod.new_database()
    _, manifest = dump.dump(source, path := tmp_path / "shop.dump", [dev.tools()], "test")
    clearance = preflight.examine(
        path, Place(target), [prod.tools()], Choice(strategy=SWAP, restore_as_superuser=True)
    ).cleared()
    restore.restore(clearance, target, [prod.tools()], "test")
    assert proof_of(prod, clearance, manifest, target).errors == ()

    prod.execute("UPDATE t SET a = 'è' WHERE a = 'é'", target.name)

    assert [f.rule for f in proof_of(prod, clearance, manifest, target).errors] == ["contents"]


@pytest.mark.parametrize("text", ["plain", "été", "価格"])
def test_sql_ascii_goes_into_utf8_by_choice(start_server: StartServer, tmp_path: Path, text: str) -> None:
    dev, prod = start_server(16, "dev"), start_server(16, "prod")
    # There char(n) is filled up to n bytes, in prod to n characters.
    script = named(text).replace("a char(20)", "a varchar(20)")
    dev_url = dev.new_url(script, options=f"ENCODING 'SQL_ASCII' {C}")
    shop = stage(dev, prod, tmp_path, dev_url, prod.new_url(), client=dev)
    shop.dump()
    with shop.walk() as run:
        ((severity, refusal),) = told(
            look(run.promotion, run.options, run.run_id).findings, "encoding_and_locale"
        )[:1]
    assert severity is Severity.ERROR
    assert "--encoding UTF8" in refusal

    tools = shop.promotion.tools()
    dump.dump(shop.promotion.source(), shop.promotion.archive_path, tools, "test", encoding="UTF8")
    proven(shop)


@pytest.mark.parametrize("where", ["a value", "a comment"])
def test_sql_ascii_that_is_not_utf8_is_refused_by_the_dump(
    start_server: StartServer, tmp_path: Path, where: str
) -> None:
    dev = start_server(16, "dev")
    url = dev.new_url("CREATE TABLE t (a text)", options=f"ENCODING 'SQL_ASCII' {C}")
    changes = {"a value": b"INSERT INTO t VALUES ('\xe9')", "a comment": b"COMMENT ON TABLE t IS '\xe9'"}
    with psycopg.connect(url, autocommit=True, client_encoding="SQL_ASCII") as session:
        session.execute(changes[where])
    source, path = parse_url(url, "DEV_DATABASE_URL"), tmp_path / "shop.dump"
    dump.dump(source, path, [dev.tools()], "test")
    before = path.read_bytes()
    with pytest.raises(ToolFailed, match="invalid byte sequence") as failure:
        dump.dump(source, path, [dev.tools()], "test", encoding="UTF8")
    assert "own encoding" in failure.value.hint
    assert path.read_bytes() == before


@pytest.mark.parametrize("encoding", ["LATIN1", "KOI8R", "EUC_JP"])
def test_a_filter_finds_a_name_outside_ascii(
    start_server: StartServer, tmp_path: Path, encoding: str
) -> None:
    dev, text = start_server(16, "dev"), TEXTS[encoding]
    url = dev.new_url(named(text), options=f"ENCODING '{encoding}' {C}")
    path = tmp_path / "shop.dump"
    filters = Filters(tables=(f'"s {text}"."t {text}"',))
    archive, manifest = dump.dump(parse_url(url, "URL"), path, [dev.tools()], "test", filters=filters)
    assert tables(archive) == [f"s {text}.t {text}"]
    assert manifest.contents[f"s {text}.t {text}"].rows == 2


def tables(archive: Archive) -> list[str]:
    return [entry.name for entry in archive.of_kind("TABLE")]


def test_the_environment_cannot_choose_the_encoding(
    start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev = start_server(16, "dev")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    source = dev.new_database(named("価格"))
    archive, _ = dump.dump(source, tmp_path / "shop.dump", [dev.tools()], "test")
    assert archive.encoding == "UTF8"
    assert "s 価格.t 価格" in tables(archive)
