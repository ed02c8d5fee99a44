"""A database URL is understood as its author meant it, or refused without repeating any part of it."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from pgpromote.postgres.errors import InvalidUrl
from pgpromote.postgres.server import Database, parse_url

VARIABLE = "PROD_DATABASE_URL"

MALFORMED = {
    "nothing": "",
    "only spaces": "   ",
    "no scheme": "Canary:Canary@host/db",
    "another scheme": "mysql://user:Canary@host/db",
    "a scheme of SQLAlchemy": "postgresql+psycopg2://user:Canary@host/db",
    "a scheme of JDBC": "jdbc:postgresql://user:Canary@host/db",
    "a keyword string": "host=host dbname=db password=Canary",
    "a scheme in capitals": "POSTGRESQL://user:Canary@host/db",
    "no database": "postgresql://user:Canary@host",
    "no database but a slash": "postgresql://user:Canary@host:5432/",
    "nothing but the scheme": "postgresql://",
    "a password with @": "postgresql://user:pass@Canary@host/db",
    "a password with /": "postgresql://user:pass/Canary@host/db",
    "a password with ?": "postgresql://user:pass?Canary@host/db",
    "a password with #": "postgresql://user:pass#Canary@host/db",
    "a password with a space": "postgresql://user:pass Canary@host/db",
    "a password with a tab": "postgresql://user:pass\tCanary@host/db",
    "a password with a newline": "postgresql://user:pass\nCanary@host/db",
    "a password with a lone %": "postgresql://user:Canary%@host/db",
    "a password with a percent-encoded NUL": "postgresql://user:pass%00Canary@host/db",
    "a password that is not UTF-8": "postgresql://user:pass%FFCanary@host/db",
    "a byte that is not UTF-8": "postgresql://user:pass\udcffCanary@host/db",
    "a password instead of a port, the host forgotten": "postgresql://user:Canary/db",
    "a port that is no number": "postgresql://user:pass@host:Canary/db",
    "an open bracket": "postgresql://user:Canary@[::1/db",
    "an unknown parameter": "postgresql://user:pass@host/db?Canary=1",
    "a parameter without a value": "postgresql://user:pass@host/db?Canary",
    "a password parameter with @": "postgresql://user@host/db?password=pass@Canary",
}


@pytest.mark.parametrize("url", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_url_is_refused_without_showing_any_part_of_it(url: str) -> None:
    with pytest.raises(InvalidUrl) as refusal:
        parse_url(url, VARIABLE)
    shown = f"{refusal.value} {refusal.value!r} {refusal.value.__cause__}"
    assert VARIABLE in shown
    assert "Canary" not in shown
    assert refusal.value.hint


def test_a_missing_url_is_called_missing_and_the_hint_shows_one() -> None:
    with pytest.raises(InvalidUrl, match=r"PROD_DATABASE_URL is not set\.\nHint: Set it: PROD_DATABASE_URL="):
        parse_url(None, VARIABLE)


WELL_FORMED = {
    "in full": ("postgresql://me:secret@host:5433/db", "db on host:5433"),
    "short scheme": ("postgres://host/db", "db on host"),
    "unix socket": ("postgresql:///db", "db on local socket"),
    "unix socket directory": ("postgresql://%2Fvar%2Frun/db", "db on /var/run"),
    "IPv6": ("postgresql://me:secret@[::1]:5433/db", "db on ::1:5433"),
    "several hosts": ("postgresql://one:1,two:2/db", "db on one,two:1,2"),
    "a bracket in the password": ("postgresql://me:sec[ret@host/db", "db on host"),
    "a colon in the password": ("postgresql://me:sec:ret@host/db", "db on host"),
    "a password with a character that unicode folds into /": (
        "postgresql://me:sec\u2100ret@host/db",
        "db on host",
    ),
    "a password with a character that unicode folds into @": (
        "postgresql://me:sec\uff20ret@host/db",
        "db on host",
    ),
    "a database in unicode": ("postgresql://host/B%C3%BCcher", "Bücher on host"),
    "a database with a slash": ("postgresql://host/a%2Fb", "a/b on host"),
}


@pytest.mark.parametrize(("url", "label"), WELL_FORMED.values(), ids=WELL_FORMED)
def test_a_well_formed_url_is_shown_without_user_and_password(url: str, label: str) -> None:
    database = parse_url(url, VARIABLE)
    assert database.label == label
    assert "sec" not in f"{database!r}{database.label}{database.argument()}"


@pytest.mark.parametrize(
    ("encoded", "password"),
    [
        ("p%40ss", "p@ss"),
        ("a%20b", "a b"),
        ("100%25", "100%"),
        ("it%27s", "it's"),
        ("%22%5C", '"\\'),
        ("%C3%BC", "ü"),
        ("a%2Fb%3Fc%23d", "a/b?c#d"),
        ("ü", "ü"),
        ("%EF%BC%A0", "\uff20"),
    ],
)
def test_a_percent_encoded_password_reaches_the_client_program_whole(encoded: str, password: str) -> None:
    database = parse_url(f"postgresql://me:{encoded}@host/db", VARIABLE)
    assert database.environment("run")["PGPASSWORD"] == password
    assert database.parameters["host"] == "host"


def test_a_password_among_the_parameters_is_a_secret_too() -> None:
    database = parse_url("postgresql://me@host/db?password=Canary&sslmode=disable", VARIABLE)
    assert "Canary" not in f"{database!r}{database.argument()}"
    assert database.environment("run")["PGPASSWORD"] == "Canary"


def test_a_key_passphrase_is_refused_because_pg_dump_takes_it_only_in_its_arguments() -> None:
    database = parse_url("postgresql://me@host/db?sslpassword=Canary", VARIABLE)
    with pytest.raises(InvalidUrl, match="sslpassword") as refusal:
        database.environment("run")
    assert "Canary" not in f"{refusal.value}{database.argument()}"


def test_the_session_is_named_after_the_promotion_whatever_the_url_says() -> None:
    database = parse_url("postgresql://host/db?application_name=mine", VARIABLE)
    assert database.environment("run1")["PGAPPNAME"] == "pgpromote:run1"
    assert "application_name=mine" not in database.argument()


def test_the_options_of_the_url_stay_and_the_server_watches_its_client() -> None:
    argument = parse_url("postgresql://host/db?options=-c%20work_mem%3D1MB", VARIABLE).argument()
    assert "client_connection_check_interval=500ms" in argument
    assert "work_mem=1MB" in argument


def test_another_database_on_the_same_server_keeps_the_login() -> None:
    database = parse_url("postgresql://me:Canary@host/db", VARIABLE).at("postgres")
    assert (database.name, database.environment("run")["PGPASSWORD"]) == ("postgres", "Canary")
    assert "Canary" not in repr(database)


@pytest.mark.parametrize(
    "name", ["it's", 'a"b', "a b", "a=b", "host=elsewhere", "back\\slash", "Bücher", "a\nb"]
)
def test_an_odd_database_name_stays_one_value_in_the_argument(name: str) -> None:
    understood = conninfo_to_dict(Database(VARIABLE, {"host": "host", "dbname": name}).argument())
    assert (understood["dbname"], understood["host"]) == (name, "host")


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql", "", "localhost,127.0.0.1"]
)
def test_a_server_on_this_machine_is_kept_busy_by_a_connection_for_each_core(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    assert parse_url(f"postgresql://{host}/db", VARIABLE).connections() == 3


@pytest.mark.parametrize("url", ["host/db", "localhost,host/db", "localhost/db?hostaddr=192.0.2.1"])
def test_nobody_can_count_the_cores_of_another_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert parse_url(f"postgresql://{url}", VARIABLE).connections() == 4
    assert parse_url("postgresql://localhost/db", VARIABLE).connections() == 16
