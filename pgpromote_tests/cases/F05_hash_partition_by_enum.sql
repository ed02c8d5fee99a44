-- Expected: promoted. Rows of a hash partitioned table by enum go to other partitions by design (pg_dump loads via the root); the whole is equal.
--@ expect promoted
--@ versions 16-16 16-18
--@ dev
create type region as enum ('n','e','s','w');
create table sale(id int, region region) partition by hash(region);
create table sale_0 partition of sale for values with (modulus 2, remainder 0);
create table sale_1 partition of sale for values with (modulus 2, remainder 1);
insert into sale select g, (enum_range(null::region))[1+g%4] from generate_series(1,40) g;
--@ check
select count(*), md5(string_agg(sale::text, ',' order by id)) from sale
