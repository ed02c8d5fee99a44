"""Encodings: PostgreSQL's names for them, and Python's codecs."""

UTF8 = "UTF8"
# The server converts these to no other.
FIXED = frozenset({"SQL_ASCII", "MULE_INTERNAL"})
# Python's name of each that it knows. Nobody says what the bytes of SQL_ASCII mean; today most are UTF-8.
CODECS = {
    UTF8: "utf-8", "SQL_ASCII": "utf-8", "": "utf-8", "EUC_CN": "gb2312", "SJIS": "shift_jis", "UHC": "cp949",
    **{f"LATIN{number}": f"latin{number}" for number in range(1, 11)},
    **{f"ISO_8859_{part}": f"iso8859_{part}" for part in range(5, 9)},
    **{f"WIN{page}": f"cp{page}" for page in (866, 874, *range(1250, 1259))},
    **{name: name.lower() for name in ("EUC_JP", "EUC_KR", "EUC_JIS_2004", "SHIFT_JIS_2004")},
    **{name: name.lower() for name in ("BIG5", "GBK", "GB18030", "JOHAB")},
    "KOI8R": "koi8_r", "KOI8U": "koi8_u",
}  # fmt: skip


def codec(encoding: str) -> str:
    """Return Python's codec for an encoding as PostgreSQL calls it, "" where Python has none."""
    return CODECS.get(encoding, "")


def for_dump(encoding: str) -> str:
    """Return the encoding in which a database of this encoding is dumped: its own, so that nothing is lost.

    UTF8 instead where its names could not be read here, as those of EUC_TW.
    """
    return encoding if codec(encoding) or encoding in FIXED else UTF8
