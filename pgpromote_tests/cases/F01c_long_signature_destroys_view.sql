-- Expected: refused by nothing_in_the_way, as with a short name. --strategy clean drops a view that only prod has.
--@ expect refused nothing_in_the_way
--@ set restore=--strategy clean --yes
--@ dev
create function some_quite_long_function_name_for_a_report(first_argument integer, second timestamp with time zone, third numeric) returns int language sql as $$select 1$$;
create view reported as select some_quite_long_function_name_for_a_report(1, now(), 2) as r;
--@ prod
create function some_quite_long_function_name_for_a_report(first_argument integer, second timestamp with time zone, third numeric) returns int language sql as $$select 1$$;
create view reported as select some_quite_long_function_name_for_a_report(1, now(), 2) as r;
create view prods_own as select some_quite_long_function_name_for_a_report(1, now(), 2) as r;
--@ check
select * from reported;;
select * from prods_own
