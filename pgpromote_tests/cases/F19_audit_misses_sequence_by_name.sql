-- Expected: repaired, or an audit error sequence_behind. Default nextval(('public.x'::text)::regclass): left alone, audit clean, next INSERT fails.
--@ expect promoted
--@ dev
create sequence item_numbers; create table item(id int primary key default nextval(('public.item_numbers'::text)::regclass), label text);
insert into item select g,'a' from generate_series(1,20) g; select setval('item_numbers', 5);
--@ check
insert into item(label) values ('n') returning id
--@ answers
21
