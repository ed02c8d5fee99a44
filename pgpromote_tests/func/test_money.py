"""Money is promoted as it is stored, or refused: its decimals are those of lc_monetary.

Needs the locales en_US.UTF-8, de_DE.UTF-8 and ja_JP.UTF-8 of the system.
"""

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.loading import restore
from pgpromote.postgres.model import Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.strategy import SWAP
from pgpromote.postgres.tools import Tools
from pgpromote.run.check import look
from pgpromote_tests.func.command_line import adopted
from pgpromote_tests.func.pairs import proven, stage, told
from pgpromote_tests.servers import Server

FEES = """
    CREATE TABLE fee (id serial PRIMARY KEY, price money DEFAULT 1.5::numeric::money, list money[]);
    CREATE DOMAIN amount AS money;
    CREATE TABLE paid (of amount);
    INSERT INTO fee (price, list) SELECT n::numeric::money, ARRAY[n::numeric::money]
      FROM unnest('{1234567.89,-7,0.01,100}'::numeric[]) AS n;
    INSERT INTO paid SELECT price FROM fee;
"""


def with_money(server: Server, locale: str, script: str = "") -> str:
    url = server.new_url()
    name = parse_url(url, "URL").name
    server.execute(f"ALTER DATABASE {name} SET lc_monetary TO '{locale}'")
    server.execute(script, name)
    return url


def stored(server: Server, database: Database) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url(database.name), options="-c lc_monetary=C") as session:
        return session.execute("SELECT price::text, list::text FROM fee ORDER BY id").fetchall()


@pytest.mark.parametrize(
    ("there", "here"),
    [("en_US.UTF-8", "de_DE.UTF-8"), ("de_DE.UTF-8", "C"), ("C", "en_US.UTF-8"), ("ja_JP.UTF-8",) * 2],
)
def test_money_keeps_its_value_whatever_the_locales(
    dev: Server, prod: Server, tmp_path: Path, there: str, here: str
) -> None:
    shop = stage(dev, prod, tmp_path, with_money(dev, there, FEES), with_money(prod, here), client=dev)
    shop.dump()
    proven(shop)
    assert stored(prod, shop.promotion.target()) == stored(dev, shop.promotion.source())


@pytest.mark.parametrize(
    ("locales", "change"),
    [
        (("en_US.UTF-8", "ja_JP.UTF-8"), "more"),
        (("ja_JP.UTF-8", "C"), "less"),
        (("ja_JP.UTF-8", "de_DE.UTF-8"), "less"),
    ],
)
def test_money_with_other_decimals_is_refused(
    dev: Server, prod: Server, tmp_path: Path, locales: tuple[str, str], change: str
) -> None:
    there, here = locales
    shop = stage(dev, prod, tmp_path, with_money(dev, there, FEES), with_money(prod, here), client=dev)
    shop.dump()
    with shop.walk() as run:
        ((severity, text),) = told(look(run.promotion, run.options, run.run_id).findings, "money")
    assert severity is Severity.ERROR
    assert f"would be worth {change}" in text
    assert "SET lc_monetary" in text


@pytest.mark.parametrize(
    "columns", ["money text", '"a money" text', "a int DEFAULT 1, note text DEFAULT 'x money,'"]
)
def test_what_only_looks_like_money_is_no_reason(
    dev: Server, prod: Server, tmp_path: Path, columns: str
) -> None:
    script = f"CREATE TABLE fee ({columns})"
    shop = stage(
        dev, prod, tmp_path, with_money(dev, "C", script), with_money(prod, "ja_JP.UTF-8"), client=dev
    )
    shop.dump()
    with shop.walk() as run:
        assert told(look(run.promotion, run.options, run.run_id).findings, "money") == []


def test_money_of_an_archive_from_elsewhere_is_read_as_prod_writes_it(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    urls = with_money(dev, "de_DE.UTF-8", FEES), with_money(prod, "de_DE.UTF-8")
    source, target = (parse_url(url, "URL") for url in urls)
    path = tmp_path / "bare.dump"
    Path(path).write_bytes(bare(dev.tools(), source))
    report = preflight.examine(adopted(path, dev), Place(target), [prod.tools()], Choice(strategy=SWAP))
    assert [severity for severity, _ in told(report.findings, "money")] == [Severity.WARNING]
    restore.restore(report.cleared(), target, [prod.tools()], "test")
    assert stored(prod, target) == stored(dev, source)


def bare(tools: Tools, source: Database) -> bytes:
    """Let pg_dump alone write an archive."""
    command = [tools.path("pg_dump"), "--format=custom", f"--dbname={source.argument()}"]
    environment = {**os.environ, **source.environment("test")}
    return subprocess.run(command, check=True, capture_output=True, env=environment).stdout
