-- Expected: promoted. --data-only: tables are prod's own, and so are the defaults of its children.
--@ expect promoted
--@ set restore=--data-only --strategy clean --yes
--@ set differs=schema
--@ dev
create table parent(id int, a int default 1);
create table child(b int) inherits (parent);
alter table child alter a drop default;
insert into child values (1, 2, 3);
--@ prod
create table parent(id int, a int default 1);
create table child(b int) inherits (parent);
alter table child alter a set default 5;
--@ check
insert into child(id) values (9) returning a
--@ answers
5
