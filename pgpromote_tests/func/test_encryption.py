"""A connection that somebody on the way can read or change is told before the restore, of prod and dev."""

import os
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

import pytest

from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.strategy import SWAP
from pgpromote.postgres.tools import Tools
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.command_line import Sample, sample_of, wait_until
from pgpromote_tests.servers import COMPRESSING, OLDEST, WITH_EXTENSION_PATH, Server

SHOP = "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1);"
NAME = "prod.example"


def certify(server: Server, directory: Path) -> Path:
    """Turn TLS on with a new certificate for NAME, and return the certificate."""
    key, certificate = directory / "server.key", directory / "server.crt"
    about = ["-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command = ["openssl", "req", *kind, *about, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    data = server.cluster.directory / "data"
    for path in (key, certificate):
        copied = Path(shutil.copy(path, data))
        copied.chmod(0o600)
        os.chown(copied, data.stat().st_uid, data.stat().st_gid)
    server.execute("ALTER SYSTEM SET ssl = on")
    server.execute("SELECT pg_reload_conf()")
    wait_until(lambda: server.rows("SHOW ssl") == [("on",)], "the server offers TLS")
    return certificate


@pytest.fixture(scope="module", params=[OLDEST, COMPRESSING])
def tls(
    request: pytest.FixtureRequest, start_server: StartServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Server, Path]:
    """Run a server with TLS; the embedded 16 and 18 were built without."""
    server = start_server(request.param, "tls")
    return server, certify(server, tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def sample(start_server: StartServer, samples: Path) -> Sample:
    return sample_of(start_server(OLDEST, "dev"), SHOP, samples / "shop.dump")


@pytest.fixture(scope="module")
def plain_tools(start_server: StartServer) -> Tools:
    """Return client programs that were built without TLS."""
    return start_server(WITH_EXTENSION_PATH, "dev").tools()


def away(server: Server, database: str, mode: str, certificate: Path | None, variable: str) -> Database:
    """Reach a server by a name that is not this machine's."""
    url = server.url(database).replace("127.0.0.1", NAME) + f"?hostaddr=127.0.0.1&sslmode={mode}"
    return parse_url(url + (f"&sslrootcert={certificate}" if certificate else ""), variable)


def told(
    sample: Sample, target: Database, tools: Collection[Tools], source: Database | None = None
) -> list[Finding]:
    report = preflight.examine(sample.path, Place(target), list(tools), Choice(strategy=SWAP), source=source)
    return list(report.of("connection_encrypted"))


MODES = {
    "disable": "is not encrypted, although its server offers TLS (sslmode disable).",
    "allow": "is not encrypted, although its server offers TLS (sslmode allow).",
    "prefer": "is encrypted, but nobody checks whose server it is (sslmode prefer).",
    "require": "is encrypted, but nobody checks whose server it is (sslmode require).",
    "verify-ca": "is encrypted, but nobody checks its server's name (sslmode verify-ca).",
    "verify-full": "",
}


@pytest.mark.parametrize("mode", MODES)
def test_less_than_a_verified_server_is_a_warning_for_prod_and_for_dev(
    tls: tuple[Server, Path], sample: Sample, mode: str
) -> None:
    server, certificate = tls
    root = certificate if mode.startswith("verify") else None
    prod, dev = server.new_database(), server.new_database()
    target = away(server, prod.name, mode, root, "PROD_DATABASE_URL")
    source = away(server, dev.name, mode, root, "DEV_DATABASE_URL")

    found = told(sample, target, [server.tools()], source)

    assert [f.severity for f in found] == ([Severity.WARNING] * 2 if MODES[mode] else [])
    for finding, database in zip(found, (target, source), strict=False):
        assert finding.object == database.label
        assert finding.message == f"The connection to {database.label} {MODES[mode]}"
        assert f"sslmode=verify-full to {database.variable}" in finding.hint
        assert server.cluster.password not in finding.message + finding.hint


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "socket"])
def test_sockets_and_loopback_are_fine(tls: tuple[Server, Path], sample: Sample, host: str) -> None:
    server, _ = tls
    url = server.url(server.new_database().name)
    if host == "socket":
        assert server.cluster.socket_directory
        url = url.replace("127.0.0.1", str(server.cluster.socket_directory).replace("/", "%2F"))
    target = parse_url(f"{url.replace('127.0.0.1', host)}?sslmode=disable", "PROD_DATABASE_URL")
    assert told(sample, target, [server.tools()]) == []


@pytest.mark.versions(15, 16, 18)
def test_a_server_without_tls_is_told_with_what_to_do(prod: Server, sample: Sample) -> None:
    target = away(prod, prod.new_database().name, "prefer", None, "PROD_DATABASE_URL")
    found = [each for each in told(sample, target, [prod.tools()]) if "built without" not in each.message]
    ((severity, message, hint),) = [(each.severity, each.message, each.hint) for each in found]
    assert severity is Severity.WARNING
    assert message == f"The connection to {target.label} is not encrypted: its server offers no TLS."
    assert "Turn on TLS" in hint


@pytest.mark.parametrize(
    ("mode", "meant"),
    [
        ("prefer", (Severity.WARNING, "were built without TLS, and send everything in the clear to")),
        ("verify-full", (Severity.ERROR, "were built without TLS, and cannot connect to")),
    ],
)
def test_client_programs_without_tls_are_told_even_where_our_own_session_has_it(
    tls: tuple[Server, Path], sample: Sample, plain_tools: Tools, mode: str, meant: tuple[Severity, str]
) -> None:
    (server, certificate), (severity, words) = tls, meant
    root = certificate if mode == "verify-full" else None
    target = away(server, server.new_database().name, mode, root, "PROD_DATABASE_URL")
    found = told(sample, target, [plain_tools])
    (plain,) = [each for each in found if words in each.message]
    assert plain.severity is severity
    assert str(plain_tools.directory) in plain.message
    assert "PGPROMOTE_PG_BIN" in plain.hint


def test_the_mode_that_the_environment_sets_counts(
    tls: tuple[Server, Path], sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, certificate = tls
    name = server.new_database().name
    url = server.url(name).replace("127.0.0.1", NAME) + "?hostaddr=127.0.0.1"
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    monkeypatch.setenv("PGSSLROOTCERT", str(certificate))
    assert told(sample, parse_url(url, "PROD_DATABASE_URL"), [server.tools()]) == []
    monkeypatch.setenv("PGSSLMODE", "disable")
    (found,) = told(sample, parse_url(url, "PROD_DATABASE_URL"), [server.tools()])
    assert "sslmode disable" in found.message
