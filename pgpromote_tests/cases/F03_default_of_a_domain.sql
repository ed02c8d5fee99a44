-- Expected: promoted. Partitions and children have no default where their root or parent has one, and their columns' domains bring one.
--@ expect promoted
--@ versions 16-16 18-18
--@ dev
create schema "Stufen";
create domain "Stufen"."Stufe ""é""" as numeric(8,2) default 7;
create domain plain as int;
create table log(id int, at date, "the, ""level""" "Stufen"."Stufe ""é""" not null default 1, p plain default 4, n numeric(9,2) default 1.5, kept "Stufen"."Stufe ""é""" default 2) partition by range(at);
create table log_a partition of log for values from ('2020-01-01') to ('2021-01-01');
alter table log_a alter "the, ""level""" drop default, alter p drop default, alter n drop default, alter kept set default null;
create table parent(id int, level "Stufen"."Stufe ""é""" default 1, word varchar(20) default 'x');
create table child() inherits (parent);
alter table child alter level drop default, alter word drop default;
create table grandchild(own int) inherits (child);
insert into log(id, at) values (1,'2020-05-05');
--@ check
insert into log_a(id, at) values (2, '2020-02-02') returning *;;
insert into child(id) values (3) returning *;;
insert into grandchild(id) values (4) returning *
