"""Where a promotion works: prod, the run, and the database where promotions meet."""

from pgpromote.postgres.place import AGREED, Place
from pgpromote.postgres.server import Database
from pgpromote.promotion import TARGET
from pgpromote.settings import from_environment

PROD = Database("PROD_DATABASE_URL", {"dbname": "shop", "host": "prod", "user": "owner"}, {"password": "x"})


def test_promotions_meet_on_prods_server_by_prods_login() -> None:
    assert Place(PROD, "r", "locks").meeting == PROD.at("locks")


def test_a_place_is_prod_and_the_database_that_the_settings_name() -> None:
    environment = {TARGET: "postgresql://owner@prod/shop", "PGPROMOTE_LOCK_DATABASE": "locks"}
    promotion = from_environment(environment)

    assert promotion.place("r") == Place(promotion.target(), "r", "locks")


def test_promotions_meet_in_one_database_unless_told_otherwise() -> None:
    promotion = from_environment({TARGET: "postgresql://owner@prod/shop"})

    assert promotion.place().agreed == Place(PROD).agreed == AGREED
