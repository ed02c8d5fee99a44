"""Which client programs are chosen for which server, and where they are looked for."""

from pathlib import Path

import pytest

from pgpromote.postgres import tools
from pgpromote.postgres.errors import ToolMissing
from pgpromote.postgres.model import ServerVersion
from pgpromote.postgres.tools import Tools


def installed(*versions: int) -> list[Tools]:
    return [Tools(Path(f"/pg{version}"), ServerVersion(version)) for version in versions]


@pytest.mark.parametrize(
    ("available", "server", "chosen"),
    [
        ((160014,), 160014, 160014),
        ((150020, 160014, 180004), 160000, 160014),
        ((180004, 170010, 150020), 160014, 170010),
        ((180004, 160001), 160014, 160001),
        ((180004, 90600), 150000, 180004),
    ],
)
def test_the_servers_own_release_is_preferred_then_the_nearest_newer(
    available: tuple[int, ...], server: int, chosen: int
) -> None:
    assert tools.choose(installed(*available), ServerVersion(server)).version.number == chosen


def test_the_first_place_wins_among_equals() -> None:
    first, second = Tools(Path("/a"), ServerVersion(160001)), Tools(Path("/b"), ServerVersion(160014))
    assert tools.choose([first, second], ServerVersion(160014)) == first


def test_older_programs_alone_are_refused_with_what_is_there_and_what_is_needed() -> None:
    with pytest.raises(ToolMissing) as refusal:
        tools.choose(installed(150020, 140003), ServerVersion(160014))
    message = str(refusal.value)
    assert "server is PostgreSQL 16.14" in message
    assert "15.20 in /pg150020, 14.3 in /pg140003" in message
    assert "postgresql-client-16" in message


FORMATS = {15: (1, 14), 16: (1, 15), 17: (1, 16), 18: (1, 16)}
RELEASES = tuple(FORMATS)


@pytest.mark.parametrize("prod", RELEASES)
@pytest.mark.parametrize("dev", RELEASES)
def test_whatever_is_installed_a_pair_of_programs_is_found_if_there_is_one(dev: int, prod: int) -> None:
    for number in range(1, 2 ** len(RELEASES)):
        present = [major for bit, major in enumerate(RELEASES) if number >> bit & 1]
        possible = [
            (writer, reader)
            for writer in present
            for reader in present
            if writer >= dev and reader >= prod and FORMATS[reader] >= FORMATS[writer]
        ]
        available = installed(*(major * 10000 for major in present))
        if possible:
            writer = tools.choose(available, ServerVersion(dev * 10000)).version.major
            reader = tools.choose(available, ServerVersion(prod * 10000), FORMATS[writer]).version.major
            assert (writer, reader) in possible
            # prod's own release, if there is any way to it
            assert (reader == prod) == any(one == prod for _, one in possible)


def test_programs_that_cannot_read_the_archive_are_refused_with_what_can() -> None:
    with pytest.raises(ToolMissing) as refusal:
        tools.choose(installed(160014), ServerVersion(160014), (1, 16))
    assert "the archive has format 1.16" in str(refusal.value)
    assert "must be 17 or newer" in str(refusal.value)


def test_no_programs_at_all_are_refused() -> None:
    with pytest.raises(ToolMissing, match="Found: none"):
        tools.choose([], ServerVersion(160014))
    with pytest.raises(ToolMissing):
        tools.newest([])


def test_the_newest_programs_read_the_archives_of_all() -> None:
    assert tools.newest(installed(150020, 180004, 170010)).version.major == 18


def test_given_places_come_before_the_search_path_and_no_place_comes_twice() -> None:
    places = tools.directories([Path("/mine"), Path("/b")], "/a:/b::/a")
    assert places[:3] == [Path("/mine"), Path("/b"), Path("/a")]
    assert len(places) == len(set(places))


@pytest.mark.parametrize(("number", "text"), [(160014, "16.14"), (180000, "18.0"), (150020, "15.20")])
def test_a_version_reads_as_people_write_it(number: int, text: str) -> None:
    assert str(ServerVersion(number)) == text
    assert ServerVersion(number).major == number // 10000
