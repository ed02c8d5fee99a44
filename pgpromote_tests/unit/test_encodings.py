"""Whatever encoding an archive is in, its names are read, or it is said why they cannot be."""

import codecs

import pytest
from psycopg import _encodings as theirs

from pgpromote.postgres import encodings
from pgpromote.postgres.errors import ArchiveError
from pgpromote_tests.unit.archives import Entry, parsed, written

# Every encoding that a PostgreSQL server can have, and those of clients alone.
SERVERS = [
    "EUC_JP", "EUC_CN", "EUC_KR", "EUC_TW", "EUC_JIS_2004", "UTF8", "MULE_INTERNAL", "KOI8R", "KOI8U",
    *(f"LATIN{number}" for number in range(1, 11)), *(f"ISO_8859_{part}" for part in range(5, 9)),
    *(f"WIN{page}" for page in (866, 874, *range(1250, 1259))),
]  # fmt: skip
CLIENTS = ["SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "SHIFT_JIS_2004"]
UNREADABLE = {"EUC_TW", "MULE_INTERNAL"}
NAMES = {
    "UTF8": "größe 価格", "LATIN1": "straße", "LATIN9": "preis €", "KOI8R": "цена", "WIN1251": "ціна",
    "EUC_JP": "価格", "EUC_KR": "가격", "SQL_ASCII": "größe",
}  # fmt: skip


@pytest.mark.parametrize("encoding", [*SERVERS, *CLIENTS])
def test_an_encoding_has_the_codec_that_psycopg_gives_it(encoding: str) -> None:
    if encoding in UNREADABLE:
        assert encodings.codec(encoding) == ""
    else:
        expected = codecs.lookup(theirs.pg2pyenc(encoding.encode()))
        assert codecs.lookup(encodings.codec(encoding)).name == expected.name


@pytest.mark.parametrize("name", ["hex", "rot13", "unicode_escape", "X", "a\0b"])
def test_no_other_codec_of_python_is_ever_taken(name: str) -> None:
    assert encodings.codec(name) == ""


def archive_in(encoding: str, name: str, codec: str) -> bytes:
    setting = Entry(9, "ENCODING", "ENCODING", "", f"SET client_encoding = '{encoding}';\n")
    table = Entry(2, "TABLE", name, name, f'CREATE TABLE "{name}" ();', owner=name, tablespace=name)
    # wherever the entry is that names the encoding
    return written((table, setting), codec=codec)


@pytest.mark.parametrize(("encoding", "name"), NAMES.items())
def test_names_and_definitions_are_read_in_the_encoding_of_the_archive(encoding: str, name: str) -> None:
    read = parsed(archive_in(encoding, name, encodings.codec(encoding)))
    (table,) = read.entries
    assert (table.tag, table.schema, table.owner, table.tablespace) == (name,) * 4
    assert name in table.definition
    assert read.encoding == encoding


@pytest.mark.parametrize("encoding", sorted(UNREADABLE))
def test_a_name_that_python_cannot_read_is_refused_with_the_encoding(encoding: str) -> None:
    with pytest.raises(ArchiveError, match=f"name in {encoding}") as refusal:
        parsed(archive_in(encoding, "價格", "big5"))
    assert "--encoding=UTF8" in refusal.value.hint
    assert parsed(archive_in(encoding, "prices", "big5")).entries[0].tag == "prices"


@pytest.mark.parametrize(
    ("encoding", "dumped"),
    [("LATIN1", "LATIN1"), ("SQL_ASCII", "SQL_ASCII"), ("EUC_TW", "UTF8"), ("MULE_INTERNAL",) * 2],
)
def test_a_database_is_dumped_in_its_own_encoding_if_that_can_be_read(encoding: str, dumped: str) -> None:
    assert encodings.for_dump(encoding) == dumped
