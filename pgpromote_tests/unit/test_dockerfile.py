"""The Dockerfile as far as it can be read without building it."""

import json
import re
from fnmatch import fnmatch
from pathlib import Path

from pgpromote.postgres import tools

CHECKOUT = Path(__file__).parents[2]
LINES = re.sub(r"\\\n\s*", "", (CHECKOUT / "Dockerfile").read_text()).splitlines()
STEPS = [(word, rest) for line in LINES if line[:1].isupper() for word, _, rest in [line.partition(" ")]]


def arguments(instruction: str) -> list[str]:
    return [rest for word, rest in STEPS if word == instruction]


def test_the_base_is_one_image_with_a_tag_that_names_its_python_and_its_system() -> None:
    assert arguments("FROM") == ["python:3.11-slim-bookworm"]


def test_the_client_programs_of_every_supported_version_are_installed_from_their_makers() -> None:
    (installing,) = [step for step in arguments("RUN") if "postgresql-client" in step]
    packages = re.findall(r"postgresql-client-(\d+)", installing)
    assert packages == [str(major) for major in range(15, 19)]
    assert installing.index("apt.postgresql.org.sh") < installing.index("postgresql-client")
    # Where Debian lays them is where they are looked for.
    assert any(fnmatch("/usr/lib/postgresql/18/bin", pattern) for pattern in tools.PACKAGED)


def test_what_is_copied_is_there_and_reaches_the_build() -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    sources = [source for step in arguments("COPY") for source in step.split()[:-1]]
    assert all((CHECKOUT / source).exists() for source in sources)
    assert {f"!{source}" for source in sources} == {line for line in ignored if line.startswith("!")}


def test_it_runs_pgpromote_as_a_user_who_is_not_root() -> None:
    (entry,) = arguments("ENTRYPOINT")
    assert json.loads(entry) == ["pgpromote"]
    (user,) = arguments("USER")
    assert user == "10001"
    assert [word for word, _ in STEPS].index("USER") < [word for word, _ in STEPS].index("ENTRYPOINT")
    assert f"--uid {user} " in "".join(arguments("RUN"))


def test_no_secret_and_nothing_from_the_network_but_packages_is_in_it() -> None:
    assert {word for word, _ in STEPS}.isdisjoint({"ARG", "ENV", "ADD"})
    assert (
        re.search(r"://|secret|password|token", "\n".join(rest for _, rest in STEPS), re.IGNORECASE) is None
    )
