-- Expected: refused by `check`. --data-only into a partition that has its root's trigger, and a constraint trigger that comes at the end; foreign keys' own triggers are none.
--@ expect refused no_trigger_fires
--@ versions 16-16 15-18
--@ set dump=--data-only
--@ set restore=--strategy clean --yes
--@ dev
create schema s;
create table s."Ereignis"(id int, at date not null, primary key (id, at)) partition by range (at);
create table s."Ereignis 2024" partition of s."Ereignis" for values from ('2024-01-01') to ('2025-01-01');
insert into s."Ereignis" values (1, '2024-02-02');
create table s.other(id int, at date, foreign key (id, at) references s."Ereignis");
--@ prod
create schema s;
create table s."Ereignis"(id int, at date not null, primary key (id, at)) partition by range (at);
create table s."Ereignis 2024" partition of s."Ereignis" for values from ('2024-01-01') to ('2025-01-01');
create table s.other(id int, at date, foreign key (id, at) references s."Ereignis");
create function s."copy ""it"""() returns trigger language plpgsql as $$begin raise 'no'; end$$;
create constraint trigger "a trigger with a long name, to be exact with sixty-two bytes, " after insert on s."Ereignis" deferrable initially deferred for each row when (new.id > 0) execute function s."copy ""it"""();
--@ check
select * from s."Ereignis"
