-- Expected: restored in place; today: invalid SQL (DROP ROUTINE ... (... ORDER BY ...)), and what was dropped before stays dropped.
--@ expect promoted
--@ set restore=--strategy clean --yes
--@ dev
CREATE AGGREGATE middle(float8 ORDER BY anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
CREATE TABLE account (id integer PRIMARY KEY);
INSERT INTO account VALUES (1);
CREATE FUNCTION a_function() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE VIEW a_view AS SELECT a_function() AS one;
CREATE TYPE a_type AS ENUM ('x');
CREATE TABLE a_table (id integer PRIMARY KEY, kind a_type);
INSERT INTO a_table VALUES (1, 'x');
--@ prod
CREATE AGGREGATE middle(float8 ORDER BY anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
CREATE TABLE account (id integer PRIMARY KEY);
INSERT INTO account VALUES (1);
CREATE FUNCTION a_function() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE VIEW a_view AS SELECT a_function() AS one;
CREATE TYPE a_type AS ENUM ('x');
CREATE TABLE a_table (id integer PRIMARY KEY, kind a_type);
INSERT INTO a_table VALUES (1, 'x');
