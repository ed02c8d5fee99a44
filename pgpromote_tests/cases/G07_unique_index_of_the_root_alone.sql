-- Expected: promoted. Unique indexes made ON ONLY the root, with a filter and an expression; one partition has its part and another none, one was detached.
--@ expect promoted
--@ versions 15-18 17-17
--@ roles
create role g07_owner;
--@ dev
create schema g07 authorization g07_owner; set role g07_owner; set search_path = g07;
create table "Root é"(id int, "k ""x""" text) partition by list (id);
create table one partition of "Root é" for values in (1);
create table two partition of "Root é" for values in (2);
create table three partition of "Root é" for values in (3);
create unique index "an index of the root alone, whose name has sixty-three bytes, s" on only "Root é" (id, "k ""x""") where "k ""x""" <> '';
create index by_expression on only "Root é" (lower("k ""x""")) include (id);
create unique index one_part on one (id, "k ""x""") where "k ""x""" <> '';
alter index "an index of the root alone, whose name has sixty-three bytes, s" attach partition one_part;
alter table "Root é" detach partition three;
create index on three (lower("k ""x"""));
insert into "Root é" values (1, 'a'), (2, 'b'), (2, 'b');
--@ check
set search_path = g07; insert into one values (1, 'a');;
set search_path = g07; insert into two values (2, 'b') returning id;;
select c.relname, i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace = 'g07'::regnamespace order by 1
