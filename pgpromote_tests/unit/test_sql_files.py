"""Our own SQL reaches a server in any encoding: its text is plain ASCII."""

from pathlib import Path

import pytest

from pgpromote.postgres import sql

FILES = sorted(Path(sql.__file__).parent.rglob("*.sql"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_server_in_any_encoding_can_be_sent_the_file(file: Path) -> None:
    assert file.read_bytes().isascii()


def test_files_are_found() -> None:
    assert len(FILES) > 50
