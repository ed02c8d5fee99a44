-- Expected: after the swap statistics are there for a child that was made alone, holds the only rows of its tree, and has an index on an expression.
--@ expect promoted
--@ versions 16-16 18-18
--@ roles
CREATE ROLE g09_owner LOGIN CREATEDB PASSWORD 'secret';
--@ set produser=g09_owner
--@ dev
CREATE TABLE event (id bigint, kind text);
CREATE TABLE event_old (id bigint, kind text, note text);
INSERT INTO event_old SELECT n, 'k' || n % 5, repeat('x', n % 40) FROM generate_series(1, 700) n;
CREATE INDEX event_old_lower ON event_old (lower(note));
ALTER TABLE event_old INHERIT event;
--@ check
SELECT string_agg(DISTINCT tablename || ' ' || inherited, ', ' ORDER BY tablename || ' ' || inherited) FROM pg_stats WHERE schemaname = 'public'
--@ answers
event true, event_old false, event_old_lower false
