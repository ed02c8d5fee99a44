-- Expected: unproven. The index of a partitioned table, gin, over arrays that a function makes for a few rows only.
--@ expect unproven index_keys
--@ dev
create schema lists;
create table lists.stop(word text); insert into lists.stop values ('the');
create function lists.words(t text) returns text[] language plpgsql immutable as $$
begin
  if to_regclass('stop') is null then return string_to_array(t, ' '); end if;
  return array(select w from unnest(string_to_array(t, ' ')) as w where w not in (select word from stop));
end$$;
alter database :DB set search_path = lists, public;
create table page(id int, at date, body text) partition by range (at);
create table page_1 partition of page for values from ('2024-01-01') to ('2025-01-01');
create table page_2 partition of page for values from ('2025-01-01') to ('2026-01-01');
create index page_words on page using gin (lists.words(body));
insert into page select g, date '2024-01-01' + g, case g when 500 then 'the end' else 'page ' || g end
  from generate_series(1, 600) as g;
--@ prod
alter database :DB set search_path = lists, public;
