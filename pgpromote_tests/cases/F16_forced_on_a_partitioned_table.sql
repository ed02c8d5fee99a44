-- Expected: said by `check`. FORCE ROW LEVEL SECURITY on a partition and on a table with an odd name; prod's owner has no BYPASSRLS.
--@ expect refused rows_visible
--@ versions 16-16 15-18
--@ set produser=f16_owner
--@ roles
create role f16_owner login createdb;
--@ dev
create schema "Ä ""b""";
create table "Ä ""b""".root(id int, tenant text) partition by range (id);
create table "Ä ""b"".it's" (id int primary key);
create table "Ä ""b"""."one partition, with a name that has sixty-three bytes altogethe" partition of "Ä ""b""".root for values from (0) to (9);
alter table "Ä ""b"""."one partition, with a name that has sixty-three bytes altogethe" enable row level security, force row level security;
create policy p on "Ä ""b"""."one partition, with a name that has sixty-three bytes altogethe" using (tenant = current_user);
insert into "Ä ""b""".root values (1, 'x');
--@ check
select 1
