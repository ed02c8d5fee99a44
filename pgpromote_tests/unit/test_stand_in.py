"""Where the embedded PostgreSQL is not installed, `up` says which URL it would have stood in for."""

from pathlib import Path

import pytest

from pgpromote.demo import stage
from pgpromote.demo.servers import ServerFailed


@pytest.mark.parametrize("missing", [*[[name] for name in stage.URLS], list(stage.URLS)[:2]])
def test_the_url_that_is_not_set_is_named(
    missing: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    given = {name: "postgresql://me@h/d" for name in stage.URLS if name not in missing}
    with pytest.raises(ServerFailed) as failed, stage.set_up(given, tmp_path):
        pass
    assert failed.value.message.startswith(f"Not set: {' and '.join(missing)}. ")
    assert [name for name in given if name in failed.value.message] == []
    assert "pip install" in failed.value.hint
