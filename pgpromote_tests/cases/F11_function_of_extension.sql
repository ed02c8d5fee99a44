-- Expected: warned. A function, a type, a view and a sequence that were made the extension's own are in no archive.
--@ expect warned extension_members
--@ versions 16-16 18-18
--@ dev
create type mood as enum ('good', 'bad');
create function answer(integer) returns integer language sql as 'select 42';
create view three as select 3 as three;
create sequence numbers; select setval('numbers', 1000);
alter extension plpgsql add type mood;
alter extension plpgsql add function answer(integer);
alter extension plpgsql add view three;
alter extension plpgsql add sequence numbers;
--@ check
select 1
