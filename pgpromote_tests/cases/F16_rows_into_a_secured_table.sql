-- Expected: said by `check`. Rows alone go into a table of prod that stays, whose row security hides them from the role that loads them, since it is not the owner.
--@ expect refused rows_visible
--@ set dump=--data-only
--@ set restore=--strategy clean --yes
--@ set produser=f16_loader
--@ roles
create role f16_loader login createdb; create role f16_other; grant f16_other to f16_loader;
--@ dev
create table "My notes"(id int primary key, body text);
insert into "My notes" values (1, 'x');
--@ prod
create table "My notes"(id int primary key, body text);
alter table "My notes" owner to f16_other;
alter table "My notes" enable row level security, force row level security;
create policy "only ""b""" on "My notes" using (body = 'b');
--@ check
select * from "My notes"
