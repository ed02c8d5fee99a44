"""Schemas, extensions, collations, sequences, text search, large objects, publications, comments."""

from pgpromote_tests.generator.names import literal, name, quote
from pgpromote_tests.generator.types import TEXTS
from pgpromote_tests.generator.world import Type, World

EXTENSION_TYPES = {
    "citext": ("citext", "text", ("a", "A", "Zoë", "")),
    "hstore": ("hstore", "other", ("a=>1", '"é"=>NULL', "")),
    "ltree": ("ltree", "other", ("a.b.c", "")),
}
SEQUENCES = (
    "AS smallint",
    "INCREMENT BY -3 MINVALUE -50 MAXVALUE 100 START WITH 99",
    "CYCLE CACHE 20",
    "START WITH 1000000000000 MAXVALUE 9000000000000",
    "AS integer INCREMENT 7 NO CYCLE",
)
DICTIONARIES = (
    "TEMPLATE = simple, STOPWORDS = english",
    "TEMPLATE = snowball, LANGUAGE = german",
    "TEMPLATE = simple, ACCEPT = false",
)
SETTINGS = (
    "work_mem = '7MB'",
    "timezone = 'Asia/Tokyo'",
    "datestyle = 'SQL, DMY'",
    "quote_all_identifiers = on",
)


def schema(world: World) -> None:
    made = name(world.rng, "schema")
    world.say("SCHEMA", f"CREATE SCHEMA {quote(made)}", f"SCHEMA {quote(made)}")
    world.schemas.append(made)


def drop_public(world: World) -> None:
    """Drop the schema public while it is empty, or rename it."""
    if len(world.schemas) > 1 and not any(r.id.schema == "public" for r in world.relations):
        world.say("SCHEMA", "DROP SCHEMA public")


def extension(world: World) -> None:
    """Install an extension in any schema, and offer its type."""
    if not world.traits.extensions:
        return
    chosen, where = world.one(world.traits.extensions), world.one(world.schemas)
    world.say(
        "EXTENSION", f"CREATE EXTENSION {quote(chosen)} SCHEMA {quote(where)}", f"EXTENSION {quote(chosen)}"
    )
    if chosen in EXTENSION_TYPES:
        label, family, values = EXTENSION_TYPES[chosen]
        sql = f"{quote(where)}.{label}"
        world.types.append(Type(sql, family, lambda rng: f"{literal(rng.choice(values))}::{sql}"))


def collation(world: World) -> None:
    made = world.new("collation")
    options = world.one(
        ('FROM "C"', 'FROM "POSIX"', "(LOCALE = 'C')", "(LC_COLLATE = 'C', LC_CTYPE = 'POSIX')")
    )
    world.say("COLLATION", f"CREATE COLLATION {made.sql} {options}", f"COLLATION {made.sql}")
    world.collations.append(made.sql)


def sequence(world: World) -> None:
    """Make a sequence, move it, give it to a column."""
    made, options = world.new("seq"), world.one(("", "", *SEQUENCES))
    unlogged = "UNLOGGED " if world.chance(0.1) else ""
    world.say("SEQUENCE", f"CREATE {unlogged}SEQUENCE {made.sql} {options}", f"SEQUENCE {made.sql}")
    world.sequences.append(made)
    if world.chance(0.6):
        world.say(
            "SEQUENCE",
            f"SELECT nextval({literal(made.sql)}) FROM generate_series(1, {world.rng.randint(1, 5)})",
        )
    if world.tables("r") and world.chance(0.3):
        relation = world.one(world.tables("r"))
        world.say(
            "SEQUENCE", f"ALTER SEQUENCE {made.sql} OWNED BY {relation.sql}.{world.one(relation.columns).sql}"
        )


def text_search(world: World) -> None:
    """Make a dictionary and a configuration that uses it."""
    dictionary, made = world.new("dictionary"), world.new("configuration")
    options = world.one(DICTIONARIES)
    world.say(
        "TEXT SEARCH DICTIONARY",
        f"CREATE TEXT SEARCH DICTIONARY {dictionary.sql} ({options})",
        f"TEXT SEARCH DICTIONARY {dictionary.sql}",
    )
    start = world.one(("COPY = pg_catalog.english", "PARSER = pg_catalog.default"))
    described = f"TEXT SEARCH CONFIGURATION {made.sql}"
    world.say("TEXT SEARCH CONFIGURATION", f"CREATE {described} ({start})", described)
    change = "ALTER" if "COPY" in start else "ADD"
    world.say(
        "TEXT SEARCH CONFIGURATION",
        f"ALTER {described} {change} MAPPING FOR word, asciiword WITH {dictionary.sql}, pg_catalog.simple",
    )
    world.configurations.append(made.sql)
    if (found := world.tables("r")) and (columns := (relation := world.one(found)).of("text")):
        label, written = (
            world.label("fulltext"),
            f"to_tsvector({literal(made.sql)}::regconfig, {columns[0].sql}::text)",
        )
        world.say("INDEX", f"CREATE INDEX {label} ON {relation.sql} USING gin ({written})")


def large_object(world: World) -> None:
    number = world.rng.randrange(40000, 50000)
    content = world.one(("\\x", "\\x00ff10", "\\x" + "c3" * 3000))
    world.say(
        "LARGE OBJECT", f"SELECT lo_from_bytea({number}, {literal(content)}::bytea)", f"LARGE OBJECT {number}"
    )


def publication(world: World) -> None:
    if not (found := world.tables("rpl")):
        return
    relation, label = world.one(found), world.label("publication")
    what = world.one(
        (f"FOR TABLE {relation.sql}", "FOR ALL TABLES", f"FOR TABLES IN SCHEMA {quote(relation.id.schema)}")
    )
    world.say("PUBLICATION", f"CREATE PUBLICATION {label} {what} WITH (publish = 'insert, update')")


def comment(world: World) -> None:
    """Comment on anything that was made: quotes, other alphabets, several lines."""
    if world.commented:
        text = world.one(TEXTS[1:]) + world.one(("", name(world.rng, "note") * 4, "\n-- it's; a comment\n"))
        world.say("COMMENT", f"COMMENT ON {world.one(world.commented)} IS {literal(text)}")


def setting(world: World) -> None:
    """Set defaults for the sessions of this database that differ from the server's."""
    change = f"ALTER DATABASE %I SET {world.one(SETTINGS)}"
    world.say("DATABASE", f"DO $do$ BEGIN EXECUTE format({literal(change)}, current_database()); END $do$")


def conversion(world: World) -> None:
    made = world.new("conversion")
    world.say(
        "CONVERSION",
        f"CREATE CONVERSION {made.sql} FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
        f"CONVERSION {made.sql}",
    )


def long_name(world: World) -> None:
    """Make a table of which every name has 63 bytes, so that every pair of names is longer."""
    letter, most = world.one((("a", 62), ("ж", 31)))
    table, column, check, key = (letter * most + end for end in "1234")
    made, number = f"{quote(world.one(world.schemas))}.{quote(table)}", quote(column)
    checked = f"CONSTRAINT {quote(check)} CHECK ({number} > 0)"
    world.say("TABLE", f"CREATE TABLE {made} ({number} serial {checked})")
    world.say("CONSTRAINT", f"ALTER TABLE {made} ADD CONSTRAINT {quote(key)} PRIMARY KEY ({number})")
    world.say("COMMENT", f"COMMENT ON COLUMN {made}.{number} IS {literal(column)}")


MAKERS = {
    "schema": schema,
    "drop_public": drop_public,
    "extension": extension,
    "collation": collation,
    "sequence": sequence,
    "text_search": text_search,
    "large_object": large_object,
    "publication": publication,
    "comment": comment,
    "setting": setting,
    "conversion": conversion,
    "long_name": long_name,
}
