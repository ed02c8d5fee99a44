-- Expected: promoted. A partition (or inheritance child) has no default where its parent has one; pg_dump writes DEFAULT NULL.
--@ expect promoted
--@ versions 16-16 15-18
--@ dev
create table log(id int, at date, level int default 1, note text default 'n') partition by range(at);
create table log_a(id int, at date, level int, note text);
alter table log attach partition log_a for values from ('2020-01-01') to ('2021-01-01');
create table log_b partition of log (level default 3) for values from ('2021-01-01') to ('2022-01-01');
alter table log_b alter note drop default;
insert into log(id, at) values (1,'2020-05-05'),(2,'2021-05-05');
--@ check
insert into log_a(at) values ('2020-02-02') returning level, note;;
insert into log_b(at) values ('2021-02-02') returning level, note
