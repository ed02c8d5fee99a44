-- Expected: restored in place; an aggregate over a hypothetical row is dropped and made again, with what rests on it.
--@ expect promoted
--@ versions 16-16 18-18
--@ set restore=--strategy clean --yes
--@ dev
CREATE AGGREGATE place(VARIADIC "any" ORDER BY VARIADIC "any") (sfunc = ordered_set_transition_multi, stype = internal, finalfunc = rank_final, finalfunc_extra, hypothetical);
CREATE TABLE run (runner text PRIMARY KEY, seconds integer);
INSERT INTO run VALUES ('Ann', 61), ('Bo', 59), ('Cy', 75);
CREATE VIEW placed AS SELECT place(60) WITHIN GROUP (ORDER BY seconds) FROM run;
--@ prod
CREATE AGGREGATE place(VARIADIC "any" ORDER BY VARIADIC "any") (sfunc = ordered_set_transition_multi, stype = internal, finalfunc = rank_final, finalfunc_extra, hypothetical);
CREATE TABLE run (runner text PRIMARY KEY, seconds integer);
INSERT INTO run VALUES ('Ann', 1);
CREATE VIEW placed AS SELECT place(60) WITHIN GROUP (ORDER BY seconds) FROM run;
--@ check
TABLE placed
