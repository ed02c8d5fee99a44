-- Expected: promoted. Partitions of partitions that were tables before, with dropped columns and another order, lack the defaults of their roots, a serial's too.
--@ expect promoted
--@ versions 17-17 18-18
--@ roles
create role f03_owner;
--@ dev
create schema "Mess ""werte""";
grant all on schema "Mess ""werte""" to f03_owner;
set role f03_owner;
set search_path = "Mess ""werte""";
create table root(id serial, gone int, "größe %s" numeric(9,2) default 1.50, at date not null default '2020-01-01', note text default E'a\\b''c') partition by range (at);
alter table root drop column gone;
create table mid partition of root for values from ('2020-01-01') to ('2022-01-01') partition by list (note);
alter table mid alter "größe %s" drop default, alter id drop default;
create table "a leaf that was a table of its own before, with quite a long na" (note text, old int, at date not null, more int, "größe %s" numeric(9,2), id int not null);
alter table "a leaf that was a table of its own before, with quite a long na" drop old, drop more;
alter table mid attach partition "a leaf that was a table of its own before, with quite a long na" default;
alter table root rename column note to "no te";
create table later partition of root ("größe %s" default 7) for values from ('2022-01-01') to ('2023-01-01');
create table detached partition of root ("no te" default null) for values from ('2023-01-01') to ('2024-01-01');
alter table root detach partition detached;
insert into root(at) values ('2020-05-05'), ('2022-02-02');
--@ check
set search_path = "Mess ""werte"""; insert into later(at) values ('2022-03-03') returning "größe %s", "no te";;
set search_path = "Mess ""werte"""; insert into mid(id, at) values (9, '2020-03-03') returning *;;
set search_path = "Mess ""werte"""; insert into "a leaf that was a table of its own before, with quite a long na"(at, id) values ('2020-03-03', 10) returning *;;
set search_path = "Mess ""werte"""; insert into detached(id, at) values (11, '2023-03-03') returning *
