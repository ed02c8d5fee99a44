-- Expected: promoted. A NOT NULL that is not validated on a partitioned table, keys and indexes on its partitions. From the generator (a deadlock of parallel jobs).
--@ expect promoted
--@ versions 18-18
--@ dev
create table tree(id int, k name, f float8, p polygon) partition by list (k);
create table first partition of tree for values in ('Zoë', null) partition by range (id);
create table leaf partition of first default;
create table second partition of tree for values in ('ab''c', 'ß');
insert into tree values (null, 'ab''c', 1e-300, '((0,0),(1,0),(0,1))');
create index on only tree (f);
create index by_f on leaf (f);
alter table tree add constraint given not null p not valid;
alter table second add constraint once unique (id, k) deferrable initially deferred;
--@ check
select count(*) from tree
