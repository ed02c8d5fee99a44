"""The maps that show where things are name the files that are there, and no others."""

import re
from pathlib import Path

import pytest

import pgpromote

PACKAGE = Path(pgpromote.__file__).parent
CHECKOUT = PACKAGE.parent
MAPPED = re.compile(r"^ {4}(?: {4})?(\S+)", re.MULTILINE)
NAMED = re.compile(r"\b(\w+\.py|\w+/)(?=\s)")
# Files of the package that say nothing by themselves.
PLAIN = {"__init__.py", "__main__.py"}


def entries(directory: Path) -> set[str]:
    return {
        f"{each.name}/" if each.is_dir() else each.name
        for each in directory.iterdir()
        if (each.suffix == ".py" and each.name not in PLAIN) or (each / "__init__.py").is_file()
    }


def mapped() -> set[str]:
    assert pgpromote.__doc__
    return set(NAMED.findall(pgpromote.__doc__))


def test_the_map_of_the_package_names_every_room_and_every_file_at_the_root() -> None:
    assert entries(PACKAGE) <= mapped()


def test_the_map_names_every_file_of_a_run_and_every_room_of_postgres() -> None:
    assert entries(PACKAGE / "run") <= mapped()
    assert {name for name in entries(PACKAGE / "postgres") if name.endswith("/")} <= mapped()


def test_the_map_names_nothing_that_is_not_there() -> None:
    there = entries(PACKAGE) | entries(PACKAGE / "run") | entries(PACKAGE / "postgres")
    assert mapped() <= there


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_file_that_a_page_for_developers_names_is_there(page: str) -> None:
    text = (CHECKOUT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:\w+/)*\w+\.(?:py|sql))`", text))
    assert named
    roots = [CHECKOUT, *CHECKOUT.glob("pgpromote*/")]
    missing = {name for name in named if not any(each for root in roots for each in root.glob(f"**/{name}"))}
    assert missing == set()


def test_no_two_files_of_the_package_share_a_name_but_a_step_and_its_stage() -> None:
    names = [path.name for path in PACKAGE.rglob("*.py") if path.name not in PLAIN]
    assert {name for name in names if names.count(name) > 1} <= {
        "dump.py",
        "restore.py",
        "prove.py",
        "options.py",
    }
