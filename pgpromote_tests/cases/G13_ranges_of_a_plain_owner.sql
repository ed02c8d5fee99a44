-- Expected: as before after a restore in place and a rollback, by prod's owner. Default privileges of the owner and of one schema close new functions; ranges stand in two schemas, over a type of users.
--@ expect promoted
--@ set rollback=yes
--@ set restore=--strategy clean --yes
--@ set produser=g13_keeper
--@ roles
create role g13_keeper login createdb; create role g13_user;
--@ dev
create schema app;
create type app.mood as enum ('low', 'high');
create type app.moods as range (subtype = app.mood);
create type public.moments as range (subtype = timestamptz, subtype_opclass = timestamptz_ops);
create table app.t(id int primary key, m app.moods, ms moments);
insert into app.t values (1, '[low,high]', '[2024-01-01,2025-01-01)');
--@ prod g13_keeper
create schema app;
alter default privileges revoke execute on functions from public;
alter default privileges in schema app grant execute on functions to g13_user;
create type app.mood as enum ('low', 'high');
create type app.moods as range (subtype = app.mood);
create type public.moments as range (subtype = timestamptz);
create table app.t(id int primary key, m app.moods);
insert into app.t values (7, '[low,low]');
--@ check
select * from app.t
