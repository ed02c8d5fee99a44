-- Expected: warned. Prod has the extension's table; the column, index, trigger and policy that dev put on it are lost.
--@ expect warned extension_contents
--@ set differs=rows
--@ dev
create schema "Warteschlange äöü";
create table "Warteschlange äöü"."Aufträge (alle) mit einem Namen von genau dreiundsechzig B."(id int);
alter extension plpgsql add table "Warteschlange äöü"."Aufträge (alle) mit einem Namen von genau dreiundsechzig B.";
alter table "Warteschlange äöü"."Aufträge (alle) mit einem Namen von genau dreiundsechzig B." add column note text;
create index "the ""index""" on "Warteschlange äöü"."Aufträge (alle) mit einem Namen von genau dreiundsechzig B."(note);
create policy mine on "Warteschlange äöü"."Aufträge (alle) mit einem Namen von genau dreiundsechzig B." using (true);
--@ check
select 1
