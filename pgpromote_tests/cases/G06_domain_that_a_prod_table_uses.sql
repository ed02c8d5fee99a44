-- Expected: refused before the first drop. A table that only prod has uses a domain whose check is not valid.
--@ expect refused nothing_in_the_way
--@ versions 16-16 18-18
--@ set restore=--strategy clean --yes
--@ dev
create domain "price ""€""" as numeric;
alter domain "price ""€""" add constraint positive check (value > 0) not valid;
--@ prod
create domain "price ""€""" as numeric;
create table own(id int primary key, p "price ""€"""[]);
insert into own values (1, '{-1}');
create function own_check() returns int language sql as 'select 1';
alter table own add check (id > 0) not valid;
--@ check
select * from own
