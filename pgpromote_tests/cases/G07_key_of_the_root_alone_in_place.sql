-- Expected: restored in place, and back again. A key that was added to the root ONLY is invalid on both sides; the partition has none, or its own.
--@ expect promoted
--@ set restore=--strategy clean --yes
--@ set rollback=yes
--@ dev
create table m(id int not null, at date not null, note text) partition by range (at);
create table m_1 partition of m for values from ('2024-01-01') to ('2025-01-01');
create table m_2 partition of m for values from ('2025-01-01') to ('2026-01-01');
alter table only m add constraint "m key" primary key (id, at);
alter table m_1 add constraint "m_1 ""key""" primary key (id, at);
alter index "m key" attach partition "m_1 ""key""";
alter table only m add constraint "once" unique (note, at);
insert into m values (1, '2024-02-02', 'a'), (1, '2025-02-02', 'b');
--@ prod
create table m(id int not null, at date not null, note text) partition by range (at);
create table m_1 partition of m for values from ('2024-01-01') to ('2025-01-01');
alter table only m add constraint "m key" primary key (id, at);
create index old on only m (note);
insert into m values (5, '2024-03-03', 'c');
--@ check
insert into m_1 values (1, '2024-02-02');;
select c.relname, i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid where c.relname like 'm %' order by 1
