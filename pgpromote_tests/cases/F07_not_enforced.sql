-- Expected: promoted. A foreign key and checks that are not enforced, and a NOT NULL that is not valid on a parent and its child; rows break all of them.
--@ expect promoted
--@ versions 18-18
--@ dev
create table target(id int primary key);
create table source(id int primary key, t int, n int, constraint "never ""asked""" foreign key (t) references target not enforced, constraint c check (n > 0) not enforced);
insert into source values (1, 5, -1);
create table parent(n int); create table child() inherits (parent);
insert into child values (null);
alter table parent add constraint "nicht leer" not null n not valid;
--@ check
insert into source values (2, 6, -2) returning t;;
insert into child values (null);;
select count(*) from child
