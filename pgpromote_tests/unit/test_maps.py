"""The maps name the files that are there, and no others; the tests of a module are found by its name."""

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
MODULES = {str(each.relative_to(PACKAGE)): each for each in PACKAGE.rglob("*.py") if each.name not in PLAIN}
TESTS = Path(__file__).parent.parent
NAMES = [path.stem for path in TESTS.rglob("test_*.py")]
# Too many modules are in these for one name to find their tests.
WIDE = {"pgpromote", "postgres"}
# The tests of the modules that are found by no name: they are seen by their effect on others.
ELSEWHERE = {
    "postgres/apply.py": "func/test_repair_alone.py",
    "postgres/errors.py": "func/test_bad_input.py",
    "postgres/membership.py": "func/test_rights_without_superuser.py",
    "postgres/model.py": "unit/test_archive_parsing.py",
    "postgres/strategy.py": "func/test_run_steps.py",
    "postgres/databases/obstacles.py": "func/test_cutover_refused.py",
    "postgres/databases/room.py": "func/test_way_back.py",
    "postgres/keys/index_keys.py": "func/test_cases.py",
    "postgres/keys/sequence_names.py": "func/test_repair.py",
    "postgres/keys/shared_keys.py": "func/test_repair.py",
    "postgres/loading/aftermath.py": "func/test_restore.py",
}


def entries(directory: Path) -> set[str]:
    return {
        f"{each.name}/" if each.is_dir() else each.name
        for each in directory.iterdir()
        if (each.suffix == ".py" and each.name not in PLAIN) or (each / "__init__.py").is_file()
    }


def is_found(module: Path) -> bool:
    """Return whether a test file's name holds the module's name, or its room's, be it one or many."""
    words = {module.stem, module.parent.name} - WIDE
    return any(re.search(rf"_{word.removesuffix('s')}", name) for word in words for name in NAMES)


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
    assert {name for name in names if names.count(name) > 1} <= {"restore.py", "prove.py", "options.py"}


def test_the_tests_of_every_module_are_found_by_its_name_or_its_rooms_or_are_listed() -> None:
    assert {name for name, path in MODULES.items() if not is_found(path)} == ELSEWHERE.keys()
    assert {name for name in ELSEWHERE.values() if not (TESTS / name).is_file()} == set()
