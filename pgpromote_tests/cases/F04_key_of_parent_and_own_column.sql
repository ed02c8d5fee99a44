-- Expected: promoted. The child has own columns, a NOT NULL of its own and one that the parent got later, nulls among its rows. From the generator.
--@ expect promoted
--@ versions 18-18 16-18
--@ dev
create schema "%=*^~?$-|%[(*^ ?<]+#";
create table "ad	
bb"("d" int, c varbit(9), t int default (1 + 2), "éÄé" timestamptz default (clock_timestamp() + '1 day'::interval) constraint named not null, b varchar(20));
alter table "ad	
bb" add primary key (d);
insert into "ad	
bb" values (4880, '000000001', 1729, '2024-06-01 12:00:00.123456+02', 'ab''c'), (790, '1', 113, '-infinity', null);
create table "%=*^~?$-|%[(*^ ?<]+#".child("value" int) inherits ("ad	
bb");
alter table "%=*^~?$-|%[(*^ ?<]+#".child alter column c set not null;
alter table "ad	
bb" add column ee int;
insert into "%=*^~?$-|%[(*^ ?<]+#".child(d, c, t, "éÄé", b, "value", ee) values (2147483647, '', 454, '-infinity', 'null', 939, null);
--@ check
select d, c, t, "éÄé", b, ee from "ad	
bb" order by d
