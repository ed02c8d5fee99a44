-- Expected: refused by `check`. ICU's collations stand within an index, a view, a domain, a range and a partition's key only.
--@ expect refused collations
--@ versions 15-18
--@ dev
create schema s;
create collation s."natural ""sort""" (provider = icu, locale = 'en-u-kn-true', deterministic = false);
create domain s.word as text collate s."natural ""sort""";
create table t(id int primary key, a text, b s.word);
create index on t (a collate "und-x-icu");
create view v as select max(a collate s."natural ""sort""") as m from t;
create type s.span as range (subtype = text, collation = "de-x-icu");
create table p(a text) partition by range (a collate "fr-x-icu");
