-- Expected: refused by `check`. A column has a collation that a server with ICU is made with, so that no archive brings it.
--@ expect refused collations
--@ versions 15-16
--@ dev
create table "Wörter"(id int primary key, w text collate "de-x-icu");
insert into "Wörter" values (1, 'ä');
