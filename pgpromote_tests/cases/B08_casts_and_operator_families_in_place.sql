-- Expected: restored in place; a cast, an operator, its class and family, an access method and statistics are on both sides, and none is called prod's alone.
--@ expect promoted
--@ versions 16-16 18-18
--@ set restore=--strategy clean --yes
--@ set losses=none
--@ dev
CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler;
CREATE TYPE public.weight AS (grams integer);
CREATE FUNCTION public.grams(public.weight) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1.grams';
CREATE CAST (public.weight AS integer) WITH FUNCTION public.grams(public.weight) AS ASSIGNMENT;
CREATE FUNCTION public.heavier(public.weight, public.weight) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.grams > $2.grams';
CREATE OPERATOR public.>>> (FUNCTION = public.heavier, LEFTARG = public.weight, RIGHTARG = public.weight);
CREATE OPERATOR FAMILY public."a family" USING btree;
CREATE OPERATOR CLASS public."a class" FOR TYPE integer USING btree FAMILY public."a family" AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(integer, integer);
CREATE TABLE parcel (id integer PRIMARY KEY, a integer, b integer) USING pile;
CREATE STATISTICS "a and b" (dependencies) ON a, b FROM parcel;
CREATE INDEX by_class ON parcel (a "a class");
INSERT INTO parcel VALUES (1, 2, 3);
--@ prod
CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler;
CREATE TYPE public.weight AS (grams integer);
CREATE FUNCTION public.grams(public.weight) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1.grams';
CREATE CAST (public.weight AS integer) WITH FUNCTION public.grams(public.weight) AS ASSIGNMENT;
CREATE FUNCTION public.heavier(public.weight, public.weight) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.grams > $2.grams';
CREATE OPERATOR public.>>> (FUNCTION = public.heavier, LEFTARG = public.weight, RIGHTARG = public.weight);
CREATE OPERATOR FAMILY public."a family" USING btree;
CREATE OPERATOR CLASS public."a class" FOR TYPE integer USING btree FAMILY public."a family" AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(integer, integer);
CREATE TABLE parcel (id integer PRIMARY KEY, a integer, b integer) USING pile;
CREATE STATISTICS "a and b" (dependencies) ON a, b FROM parcel;
CREATE INDEX by_class ON parcel (a "a class");
INSERT INTO parcel VALUES (1, 2, 3);
--@ check
SELECT ROW(5)::weight::integer, ROW(5)::weight >>> ROW(4)::weight
