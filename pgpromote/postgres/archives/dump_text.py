"""The statements that pg_dump writes, for each kind of entry, as `sql_text.shape` gives them.

A statement that pg_dump does not write must not be listed: a forged archive may hold any SQL.
"""

import re

# A name with a schema of its own: whatever were made in pg_catalog would be found without one.
OWN = r'(?!"?(?:pg_|information_schema"? ))\S+ \. \S+'
TABLE = r"(?:foreign )?table (?:only )?" + OWN
ALTERED = (
    rf"alter {TABLE} (?:alter column \S+ (?:set (?!data )|add generated |options )|replica identity |force "
    r"|enable |disable |cluster on |attach partition |add constraint ).*"
)
# The statements of each kind of entry, as `shape` writes them: patterns, of which most archives need few.
WRITTEN = {
    "SCHEMA": r'create schema (?!"?pg_)\S+|',
    "EXTENSION": r"create extension if not exists \S+(?: with schema \S+)?",
    "COMMENT": r"comment on (?:(?! is (?:''|null)).)* is (?:''|null)",
    "SECURITY LABEL": r"security label (?:for \S+ )?on (?:(?! is '').)* is ''",
    "SHELL TYPE": rf"create type {OWN}",
    "TYPE": rf"create type {OWN} as (?:enum |range )?\( .*",
    "DOMAIN": rf"create domain {OWN} as .*",
    "FUNCTION": rf"create (?:or replace )?function {OWN} \( .*",
    "PROCEDURE": rf"create (?:or replace )?procedure {OWN} \( .*",
    "AGGREGATE": rf"create aggregate {OWN} \( .*",
    "OPERATOR": rf"create operator {OWN} \( .*",
    "COLLATION": rf"create collation {OWN} \( .*",
    "TEXT SEARCH CONFIGURATION": rf"(?:create|alter) text search configuration {OWN} .*",
    "TEXT SEARCH DICTIONARY": rf"create text search dictionary {OWN} \( .*",
    "TABLE": rf"create (?:unlogged )?table {OWN} (?:\(|of) .*|{ALTERED}",
    "FOREIGN TABLE": rf"create foreign table {OWN} \( .*|{ALTERED}",
    "VIEW": rf"create (?:or replace )?(?:recursive )?view {OWN} .*|{ALTERED}",
    "MATERIALIZED VIEW": rf"create materialized view {OWN} .*|{ALTERED}",
    "MATERIALIZED VIEW DATA": rf"refresh materialized view {OWN}",
    "SEQUENCE": rf"(?:create|alter) (?:unlogged )?sequence {OWN} .*|{ALTERED}",
    "SEQUENCE OWNED BY": rf"alter sequence {OWN} owned by \S+ \. \S+ \. \S+",
    "SEQUENCE SET": r"select pg_catalog \. setval \( '' , (?:- )?\d+ , (?:true|false) \)",
    "DEFAULT": ALTERED,
    "CONSTRAINT": rf"{ALTERED}|alter domain {OWN} add constraint .*|alter index {OWN} .*",
    "CHECK CONSTRAINT": rf"{ALTERED}|alter domain {OWN} add constraint .*",
    "FK CONSTRAINT": ALTERED,
    "TABLE ATTACH": ALTERED,
    "ROW SECURITY": ALTERED,
    "INDEX": rf"create (?:unique )?index \S+ on (?:only )?{OWN} using .*|{ALTERED}|alter index {OWN} .*",
    "INDEX ATTACH": rf"alter index {OWN} attach partition {OWN}",
    "STATISTICS": rf"create statistics {OWN} .*|alter statistics {OWN} .*",
    "TRIGGER": rf"create (?:constraint )?trigger \S+ (?:before|after|instead) .*|{ALTERED}",
    "RULE": rf"create (?:or replace )?(?:rule \S+ as on .*|view {OWN} .*)|{ALTERED}",
    "POLICY": rf"create policy \S+ on {OWN} .*|create policy \S+ on {OWN}",
    "ACL": r"(?:grant|revoke) (?:(?! on ).)+ on (?!parameter ).*|(?:set|reset) session authorization.*",
    "DEFAULT ACL": r"alter default privileges .*",
    "PUBLICATION": r"(?:create|alter) publication .*",
    "PUBLICATION TABLE": r"alter publication .*",
    "PUBLICATION TABLES IN SCHEMA": r"alter publication .*",
    "SUBSCRIPTION": r"create subscription .* connect = false .*|alter subscription .*",
    "SUBSCRIPTION TABLE": r"",
    "SERVER": r"create server .*",
    "USER MAPPING": r"create user mapping .*",
    "TABLE DATA": r"",
    "BLOBS": r"",
    "BLOB": r"select pg_catalog \. lo_create \( '' \)",
    "BLOB METADATA": r"",
    "STATISTICS DATA": r"select \* from pg_catalog \. pg_restore_(?:relation|attribute)_stats \( .*",
}
LOADED = re.compile(r"""language (?:"?(?:c|internal)"?(?: |$)|'')""", re.IGNORECASE)
# A rule that no reader of its table meets.
CHANGING = re.compile(r"create (?:or replace )?rule \S+ as on (?:insert|update|delete) ")
CALLED_BY_RANGE = re.compile(r'"?(canonical|subtype_diff|subtype_opclass)"? = (\S+(?: \. \S+)?)')
COPIED = re.compile(rf"copy (?P<table>{OWN}) (?:\( (?P<columns>.*) \) )?from stdin")
# What of an archive pg_restore runs whatever it is to restore, as pg_dump writes it.
FRAME = {
    "ENCODING": re.compile(
        r"SET client_encoding = '(?!SJIS|SHIFT_JIS_2004|BIG5|GBK|GB18030|UHC|JOHAB)\w+';\n"
    ),
    "STDSTRINGS": re.compile(r"SET standard_conforming_strings = 'on';\n"),
    "SEARCHPATH": re.compile(r"SELECT pg_catalog\.set_config\('search_path', '', false\);\n"),
}
