"""A damaged or forged archive is refused by its own check, whatever it is compressed with."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pgpromote.postgres.archives import archive
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import parse_url
from pgpromote_tests import hard
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.command_line import dumped
from pgpromote_tests.hard import Attacks
from pgpromote_tests.servers import COMPRESSING
from pgpromote_tests.unit.archives import SHOP as ENTRIES
from pgpromote_tests.unit.archives import Entry, written

COMPRESSIONS = {"gzip:6": "gzip", "zstd:3": "zstd", "lz4:1": "lz4", "none": "none"}
CUTS, FLIPS = (60, 250) if hard.FULL else (15, 40)
PROMISE = "A damaged archive is refused"
SHOP = """
    CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL, raw bytea);
    INSERT INTO users SELECT n, repeat('user ' || n, 3), sha256(n::text::bytea)
        FROM generate_series(1, 300) AS n;
    CREATE TABLE "Größe ""x"" y" (id integer CHECK (id > 0), note text);
    INSERT INTO "Größe ""x"" y" VALUES (1, 'one'), (2, NULL);
    CREATE INDEX ON users (lower(name));
    SELECT lo_from_bytea(0, decode(repeat('00ff', 3000), 'hex'));
"""
# Nobody listens there: what is wrong with a file is told without prod.
NOWHERE = parse_url("postgresql://nobody@127.0.0.1:1/nowhere", "PROD_DATABASE_URL")


@dataclass(frozen=True)
class Whole:
    """An archive and its manifest, as bytes, and where damaged ones are laid."""

    content: bytes
    manifest: bytes
    path: Path

    def refusals(self, content: bytes, manifest: bytes | None = None) -> list[Finding]:
        """Lay an archive beside the manifest, and return what the check of archives has against them."""
        self.path.write_bytes(content)
        archive.manifest_path(self.path).write_bytes(self.manifest if manifest is None else manifest)
        found = preflight.examine(self.path, Place(NOWHERE), []).of("archive_readable")
        assert all(one.severity is Severity.ERROR and self.path.name in one.message for one in found)
        return list(found)


@pytest.fixture(scope="module", params=COMPRESSIONS)
def whole(
    request: pytest.FixtureRequest, start_server: StartServer, tmp_path_factory: pytest.TempPathFactory
) -> Whole:
    dev, directory = start_server(COMPRESSING, "dev"), tmp_path_factory.mktemp("damage")
    source = dev.new_database(SHOP, variable="DEV_DATABASE_URL")
    sample = dumped(dev, source, directory / "shop.dump", compression=request.param)
    assert sample.manifest.compression == COMPRESSIONS[request.param]
    manifest = archive.manifest_path(sample.path).read_bytes()
    made = Whole(sample.path.read_bytes(), manifest, directory / "damaged.dump")
    assert not made.refusals(made.content)
    return made


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(f"{hard.SEED} {request.node.name}")  # noqa: S311 - repeatable damage


def name(whole: Whole) -> str:
    return str(json.loads(whole.manifest)["compression"])


def cuts(content: bytes, chance: random.Random) -> Iterator[bytes]:
    """Cut at the ends, in the table of contents, and anywhere."""
    size = len(content)
    for length in (0, 1, 4, 5, 12, size - 1, size - 2, *(chance.randrange(size) for _ in range(CUTS - 7))):
        yield content[:length]


def flips(content: bytes, chance: random.Random) -> Iterator[bytes]:
    """Change one bit: half of them in the table of contents."""
    for number in range(FLIPS):
        place = chance.randrange(len(content) // 2 if number % 2 else len(content))
        damaged = bytearray(content)
        damaged[place] ^= 1 << chance.randrange(8)
        yield bytes(damaged)


@pytest.mark.parametrize("damage", [cuts, flips], ids=["cut", "a bit flipped"])
def test_a_damaged_archive_is_refused(
    whole: Whole,
    chance: random.Random,
    attacks: Attacks,
    request: pytest.FixtureRequest,
    damage: Callable[[bytes, random.Random], Iterator[bytes]],
) -> None:
    refused = [bool(whole.refusals(damaged)) for damaged in damage(whole.content, chance)]
    attacks.tried(
        PROMISE, f"{request.node.callspec.id.rpartition('-')[2]}, {name(whole)}", len(refused), sum(refused)
    )


def lengthened(content: bytes) -> Mapping[str, bytes]:
    return {"a byte more": content + b"\0", "twice": content * 2, "within": content[:99] + content[90:]}


def test_a_lengthened_archive_is_refused(whole: Whole, attacks: Attacks) -> None:
    refused = [bool(whole.refusals(damaged)) for damaged in lengthened(whole.content).values()]
    attacks.tried(PROMISE, f"lengthened, {name(whole)}", len(refused), sum(refused))


NAMED = written((*ENTRIES, Entry(2, "TABLE", "t", definition="x")))
LENGTH_OF_NAME = b"\x00\x01\x00\x00\x00t"
# Headers and tables of contents that no pg_dump writes.
CRAFTED = {
    **{f"version {v[0]}.{v[1]}": written(version=v) for v in ((0, 0), (1, 11), (1, 17), (2, 0), (255, 255))},
    **{f"format {number}": written(archive_format=number) for number in (0, 2, 3, 4, 5, 255)},
    **{f"integers of {n}": written().replace(b"\x04\x08\x01", bytes([n, 8, 1]), 1) for n in (0, 1, 3, 255)},
    **{f"{count} entries": written(count=count) for count in (5, 1000, 999_999, 1_000_001, 2**31 - 1, -1)},
    "no server version": written(server_version=""),
    "a server version in words": written(server_version="sixteen"),
    "a 13th month": written(created=(0, 0, 0, 1, 13, 126, 0)),
    "a year of 2**31": written(created=(0, 0, 0, 1, 1, 2**31 - 1, 0)),
    "a negative day": written(created=(0, 0, 0, -1, 1, 126, 0)),
    "a dependency in words": written((*ENTRIES, Entry(9, "VIEW", "v", dependencies=("one",)))),
    "an endless name": NAMED.replace(LENGTH_OF_NAME, b"\x00\xff\xff\xff\x3ft"),
    "a name longer than any": NAMED.replace(LENGTH_OF_NAME, b"\x00\xff\xff\xff\x7ft"),
    "magic alone": b"PGDMP",
    "magic and zeros": b"PGDMP" + bytes(4000),
    "magic and ones": b"PGDMP" + b"\xff" * 4000,
}  # fmt: skip


@pytest.mark.parametrize("whole", ["gzip:6"], indirect=True)
def test_a_crafted_header_is_refused_though_its_manifest_describes_it(whole: Whole, attacks: Attacks) -> None:
    told = json.loads(whole.manifest)
    refused = list[str]()
    for kind, content in CRAFTED.items():
        whole.path.write_bytes(content)
        manifest = json.dumps({**told, "sha256": archive.digest(whole.path)}).encode()
        refused += [kind] if whole.refusals(content, manifest) else []
    assert set(CRAFTED) - set(refused) == set()
    attacks.tried(PROMISE, "crafted header", len(CRAFTED), len(refused))


WRONG: tuple[object, ...] = (
    None,
    True,
    0,
    -1,
    2**70,
    1.5,
    "",
    "x",
    "\0",
    [],
    [None],
    {},
    {"x": None},
    {"": {"": []}},
)


@pytest.mark.parametrize("whole", ["gzip:6"], indirect=True)
def test_a_crafted_manifest_is_refused_or_changes_nothing(whole: Whole, attacks: Attacks) -> None:
    told = json.loads(whole.manifest)
    tries, held = 0, 0
    for key in told:
        for value in hard.some(key, WRONG, 4):
            found = whole.refusals(whole.content, json.dumps({**told, key: value}).encode())
            tries, held = tries + 1, held + (bool(found) or key != "sha256")
        missing = {name: one for name, one in told.items() if name != key}
        found = whole.refusals(whole.content, json.dumps(missing).encode())
        tries, held = tries + 1, held + (bool(found) or key != "sha256")
    attacks.tried("A forged manifest is refused, or harmless", "wrong values", tries, held)
