-- Expected: promoted. Indexes of other kinds on the root alone over two levels without rows or partitions, with options, a collation and statistics of their own.
--@ expect promoted
--@ versions 16-16 18-18
--@ dev
create table tree(id int, body text, list int[], box box) partition by range (id);
create table low partition of tree for values from (0) to (10) partition by hash (id);
create table high partition of tree for values from (10) to (20);
create table "low ""0""" partition of low for values with (modulus 2, remainder 0);
create index "by list" on only tree using gin (list) with (fastupdate = off);
create index "by list of low" on only low using gin (list) with (fastupdate = off);
alter index "by list" attach partition "by list of low";
create index high_list on high using gin (list);
alter index "by list" attach partition high_list;
create index ranges on only tree using brin (id) with (pages_per_range = 4);
create index boxes on only low using gist (box);
create index worded on only tree (body collate "C" text_pattern_ops desc nulls last);
alter index worded rename to "worded, since";
comment on index "worded, since" is 'not yet on all';
insert into tree values (12, 'x', '{1}', '(0,0),(1,1)');
--@ check
select c.relname, i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace = 'public'::regnamespace order by 1
