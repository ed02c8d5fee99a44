-- Expected: restored in place; aggregates over *, over VARIADIC, with a moving state and one that a window view uses are dropped and made again.
--@ expect promoted
--@ versions 16-16 18-18
--@ set restore=--strategy clean --yes
--@ dev
CREATE FUNCTION longest(state text, VARIADIC words text[]) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT w FROM unnest(state || words) w ORDER BY length(w) DESC NULLS LAST, w LIMIT 1';
CREATE AGGREGATE longest_of(VARIADIC words text[]) (sfunc = longest, stype = text);
CREATE AGGREGATE how_many(*) (sfunc = int8inc, stype = bigint, initcond = '0');
CREATE AGGREGATE running(integer) (sfunc = int4pl, stype = integer, msfunc = int4pl, minvfunc = int4mi, mstype = integer, initcond = '0', minitcond = '0');
CREATE TABLE word (id integer PRIMARY KEY, a text, b text);
INSERT INTO word VALUES (1, 'one', 'three'), (2, 'seventeen', 'two');
CREATE VIEW summed AS SELECT id, running(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM word;
--@ prod
CREATE FUNCTION longest(state text, VARIADIC words text[]) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT NULL::text';
CREATE AGGREGATE longest_of(VARIADIC words text[]) (sfunc = longest, stype = text);
CREATE AGGREGATE how_many(*) (sfunc = int8inc, stype = bigint, initcond = '7');
CREATE AGGREGATE running(integer) (sfunc = int4pl, stype = integer, initcond = '0');
CREATE TABLE word (id integer PRIMARY KEY, a text, b text);
CREATE VIEW summed AS SELECT id, running(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM word;
--@ check
SELECT longest_of(a, b), how_many(*) FROM word;;
TABLE summed
