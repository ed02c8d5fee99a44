"""What the pages say is what the code and the examples say, and each link leads somewhere, also on GitHub."""

import re
import runpy
import shlex
from pathlib import Path

import click
import pytest

from pgpromote.cli import pgpromote
from pgpromote_tests.services import CHECKOUT

DOCS = CHECKOUT / "docs"
PAGES = [*sorted(CHECKOUT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
SHOWN = re.compile(
    r"^\[`docs/examples/(?P<name>[^`]+)`\]\((?P<link>[^)]+)\):\n\n```\w+\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
LINK = re.compile(r"\]\((?P<to>[^)\s#]*)(?:#(?P<anchor>[^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMAND = re.compile(r"^\$ (?:[A-Z_]+=\S+ )*(pgpromote .*)$", re.MULTILINE)
# What only the site can show: GitHub shows it as it is written.
OF_THE_SITE = ("--8<--", "\n!!! ", "\n??? ", "{%", '=== "')


def anchors(page: Path) -> set[str]:
    """Name the headings of a page as GitHub and the site link to them."""
    return {
        re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in HEADING.findall(page.read_text())
    }


def test_the_reference_is_what_the_code_says() -> None:
    hooks = runpy.run_path(str(DOCS / "hooks.py"))
    assert hooks["outdated"]() == [], hooks["REMEDY"]


def test_each_example_is_shown_on_a_page_word_for_word() -> None:
    shown = [(page, match) for page in PAGES for match in SHOWN.finditer(page.read_text())]
    for page, match in shown:
        example = page.parent / match["link"]
        assert example.resolve() == DOCS / "examples" / match["name"]
        assert match["text"] == example.read_text(), f"{page.name} shows another {match['name']}"
    assert {match["name"] for _, match in shown} == {path.name for path in (DOCS / "examples").iterdir()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_link_leads_somewhere_and_nothing_needs_the_site(page: Path) -> None:
    text = page.read_text()
    for match in LINK.finditer(text):
        if match["to"].startswith("http"):
            continue
        leads_to = page.parent / match["to"] if match["to"] else page
        assert leads_to.exists(), match[0]
        assert match["anchor"] is None or match["anchor"] in anchors(leads_to), match[0]
    assert [mark for mark in OF_THE_SITE if mark in text] == []


def test_the_readme_shows_commands_and_options_that_are_there() -> None:
    shown = COMMAND.findall((CHECKOUT / "README.md").read_text())
    for name, *words in (
        shlex.split(part)[1:] for line in shown for part in re.split(r"&&|#", line) if "pgpromote" in part
    ):
        command = pgpromote.commands[name]
        known = {option for each in command.params if isinstance(each, click.Option) for option in each.opts}
        assert {word.partition("=")[0].strip("[]") for word in words if word.startswith("-")} <= known
    assert shown
