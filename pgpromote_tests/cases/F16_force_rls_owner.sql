-- Expected: said by `check`. Prod's owner has no BYPASSRLS and a table has FORCE ROW LEVEL SECURITY: check is ok, the restore fails late, its hint does not help.
--@ expect refused rows_visible
--@ set devuser=bugs_dump
--@ set produser=bugs_own
--@ roles
create role bugs_own login createdb; create role bugs_dump login bypassrls; grant pg_read_all_data to bugs_dump; create role bugs_tenant login;
--@ dev
create table doc(id int primary key, tenant text, body text);
create table note(id serial primary key, tenant text);
insert into doc select g, case when g%2=0 then 'a' else 'b' end, 'x'||g from generate_series(1,40) g;
insert into note(id, tenant) select g, 'a' from generate_series(1,40) g;
alter table doc enable row level security; alter table doc force row level security;
alter table note enable row level security; alter table note force row level security;
create policy t on doc using (tenant = current_setting('app.tenant', true)) ;
create policy t on note using (tenant = current_setting('app.tenant', true)) ;
grant select, insert on doc, note to bugs_tenant; grant usage on sequence note_id_seq to bugs_tenant;
--@ prod bugs_own
create table doc(id int primary key, tenant text, body text);
create table note(id serial primary key, tenant text);
alter table doc enable row level security; alter table doc force row level security;
create policy t on doc using (tenant = current_setting('app.tenant', true)) ;
grant select, insert on doc, note to bugs_tenant; grant usage on sequence note_id_seq to bugs_tenant;
--@ check bugs_tenant
set app.tenant='a'; select count(*) from doc;;
set app.tenant='a'; insert into note(tenant) values ('a') returning id;;
set app.tenant='a'; insert into doc(tenant) values ('a') returning id
