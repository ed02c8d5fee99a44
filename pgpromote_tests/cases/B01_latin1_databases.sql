-- Expected: promoted. Both databases LATIN1 (LATIN9 and KOI8R alike), pure ASCII content; today a character of a comment in one of our own SQL files cannot be sent, and in place prod is already changed when it fails.
--@ expect promoted
--@ versions 15-15 16-16
--@ set devcreate=encoding 'LATIN1' locale 'C' template template0
--@ set prodcreate=encoding 'LATIN1' locale 'C' template template0
--@ dev
create table t(a int primary key);
insert into t values (1);
--@ check
select count(*) from t
