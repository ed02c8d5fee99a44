"""No text that passes `redact` still holds a password."""

from urllib.parse import quote

import pytest

from pgpromote.postgres.server import parse_url, redact

HOLDING = {
    "an option": "OPTIONS (user 'app', password 'Canary')",
    "an option in capitals": "OPTIONS (PASSWORD 'Canary')",
    "an option with a quote": "OPTIONS (password 'it''s Canary', user 'app')",
    "an option with spaces": "OPTIONS (password 'a Canary b')",
    "an option with a backslash": r"OPTIONS (password  E'back\\Canary')",
    "an option with a quoted name": "OPTIONS (\"password\" 'Canary')",
    "an option over two lines": "OPTIONS (password 'one\nCanary')",
    "an option that was cut": "OPTIONS (password 'some Canary",
    "an option that was cut after its quote": "OPTIONS (password 'it''s Canary",
    "a keyword string": "host=db password=Canary user=app",
    "a keyword string with spaces": "host = db password = Canary",
    "a quoted keyword value": "password='a Canary'",
    "a quoted keyword value with an escape": r"password='it\'s Canary'",
    "a keyword string inside SQL": "CONNECTION 'host=db password=Canary'",
    "a quoted keyword value inside SQL": "CONNECTION 'host=db password=''a Canary'' user=app'",
    "an escaped keyword value inside SQL": r"CONNECTION E'password=a\\ Canary'",
    "a keyword value with a comma": "password=one,Canary user=app",
    "a keyword value with a bracket": "password=one)Canary user=app",
    "a keyword value with a double quote": 'password=one"Canary user=app',
    "an option of a user mapping": "CREATE USER MAPPING FOR app SERVER s OPTIONS (api_key 'Canary', a 'b')",
    "an option of a user mapping that was cut": "USER MAPPING FOR app SERVER s OPTIONS (api_key 'some Canary",
    "a role": "ALTER ROLE app PASSWORD 'Canary'",
    "an encrypted role": "CREATE ROLE app ENCRYPTED PASSWORD 'Canary'",
    "a URL": "postgresql://app:Canary@host/db",
    "a URL inside SQL": "dblink('postgres://app:Canary@host/db')",
    "a URL with a parameter": "postgresql://host/db?password=Canary&sslmode=require",
    "an ssl passphrase": "sslpassword=Canary",
}  # fmt: skip


@pytest.mark.parametrize("text", HOLDING.values(), ids=HOLDING)
def test_a_password_in_sql_or_in_a_connection_string_is_hidden(text: str) -> None:
    shown = redact(text)
    assert "Canary" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "text",
    [
        'FATAL: password authentication failed for user "app"',
        'column "password" of relation "users" already exists',
        "CREATE TABLE users (password text NOT NULL, token uuid)",
        "connection to server at host failed: fe_sendauth: no password supplied",
        'relation "secret" does not exist',
    ],
)  # fmt: skip
def test_text_that_only_speaks_of_passwords_stays_readable(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "password", ["Canary", "a b", "100%", "it's", 'quo"te', "back\\slash", "Vögel", "a.*"]
)
def test_the_password_of_a_target_is_hidden_wherever_it_stands(password: str) -> None:
    target = parse_url(f"postgresql://me:{quote(password, safe='')}@host/db", "PROD_DATABASE_URL")
    assert password not in redact(f"echo {password} echo", target)
