-- Expected: restored in place; ordered-set aggregates with direct arguments, of own types in odd schemas and twice by one name, are dropped and made again.
--@ expect promoted
--@ versions 16-16 18-18
--@ set restore=--strategy clean --yes
--@ dev
CREATE SCHEMA "Maß & Zahl";
CREATE DOMAIN "Maß & Zahl"."Anteil, von 0 bis 1" AS float8 CHECK (VALUE BETWEEN 0 AND 1);
CREATE AGGREGATE "Maß & Zahl"."Wert bei"(float8 ORDER BY anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
CREATE AGGREGATE "Maß & Zahl"."Wert bei"(float8[] ORDER BY anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_multi_final, finalfunc_extra);
CREATE AGGREGATE "Maß & Zahl"."am meisten"(ORDER BY anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = mode_final, finalfunc_extra);
COMMENT ON AGGREGATE "Maß & Zahl"."am meisten"(ORDER BY anyelement) IS 'mode';
CREATE TABLE zahl (n integer PRIMARY KEY);
INSERT INTO zahl SELECT generate_series(1, 9);
--@ prod
CREATE SCHEMA "Maß & Zahl";
CREATE AGGREGATE "Maß & Zahl"."Wert bei"(float8 ORDER BY anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
CREATE AGGREGATE "Maß & Zahl"."am meisten"(ORDER BY anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = mode_final, finalfunc_extra);
CREATE TABLE zahl (n integer PRIMARY KEY);
INSERT INTO zahl SELECT generate_series(1, 3);
--@ check
SELECT "Maß & Zahl"."Wert bei"(0.5) WITHIN GROUP (ORDER BY n), "Maß & Zahl"."Wert bei"('{0.1,0.9}') WITHIN GROUP (ORDER BY n), "Maß & Zahl"."am meisten"() WITHIN GROUP (ORDER BY n) FROM zahl
