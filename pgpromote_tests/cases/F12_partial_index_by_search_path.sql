-- Expected: unproven. What a partial index holds is decided by a function that finds its table by search_path.
--@ expect unproven index_keys
--@ versions 16-16 15-18
--@ dev
create table "Limit"(n int); insert into "Limit" values (100);
create function is_large(v int) returns boolean language plpgsql immutable as $$
begin return v > (select n from "Limit"); exception when undefined_table then return v > 1000; end$$;
create table amount(id int primary key, v int);
insert into amount select g, g from generate_series(1, 300) as g;
create index "large ones" on amount (v) where is_large(v);
