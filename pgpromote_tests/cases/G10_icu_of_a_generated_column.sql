-- Expected: refused by `check`. ICU is asked only by a column's expression, a default, a check, a policy and a function's own statements.
--@ expect refused collations
--@ versions 15-17
--@ dev
create table t(id int primary key, a text, up text generated always as (upper(a collate "tr-x-icu")) stored, d text default lower('I' collate "tr-x-icu"), check (a < 'z' collate "sv-x-icu"));
create policy p on t using (a collate "sv-x-icu" < 'b');
create function f(text) returns boolean language sql begin atomic select $1 collate "de-AT-x-icu" < 'b'; end;
