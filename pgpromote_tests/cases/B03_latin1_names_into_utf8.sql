-- Expected: promoted. LATIN1 dev into UTF8 prod, names of a column, an index and a view outside ASCII: restored right, called missing by the proof.
--@ expect promoted
--@ set devcreate=encoding 'LATIN1' locale 'C' template template0
--@ dev
set client_encoding = 'UTF8';
create table t(a int primary key, "ü" text); create index "iü" on t(a); create view "vä" as select 1 as a;
insert into t values (1, 'ß');
--@ check
set client_encoding = 'UTF8'; select "ü" from t
