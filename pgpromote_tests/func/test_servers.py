"""The tests' servers: every major version is there, and a missing one says what to install."""

import pytest

from pgpromote.demo.servers import ServerFailed
from pgpromote_tests import servers
from pgpromote_tests.conftest import StartServer


@pytest.mark.versions(*servers.MAJORS)
def test_a_server_of_each_version_runs_and_lets_every_role_in(start_server: StartServer, major: int) -> None:
    server = start_server(major, "dev")
    server.execute("CREATE ROLE servers_guest")
    server.let_in("servers_guest")
    answer = server.rows("SELECT current_setting('server_version_num')::integer / 10000")
    server.execute("DROP ROLE servers_guest")
    assert answer == [(major,)]
    assert server.tools().version.major == major


def test_a_database_takes_options(start_server: StartServer) -> None:
    server = start_server(servers.OLDEST, "dev")
    server.new_url(name="servers_latin", options="ENCODING 'LATIN1' LOCALE 'C' template template0")
    assert server.rows("SHOW server_encoding", "servers_latin") == [("LATIN1",)]


def test_the_newest_server_finds_extensions_of_the_tests(start_server: StartServer) -> None:
    server = start_server(servers.WITH_EXTENSION_PATH, "dev")
    server.new_url("CREATE EXTENSION bugs_queue; SELECT bugs_queue_new('mail')", "servers_extension")
    assert server.rows("SELECT name FROM queue_list", "servers_extension") == [("mail",)]


def test_a_server_that_is_not_installed_says_how_to_get_it() -> None:
    with pytest.raises(ServerFailed, match=r"no PostgreSQL 9 server(?s:.)*apt-get install postgresql-9"):
        servers._installed(9)
