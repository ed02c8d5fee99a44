-- Expected: restored in place, not refused. As G15.
--@ expect promoted
--@ set losses=none
--@ set restore=--strategy clean --yes
--@ dev
CREATE TYPE w AS (a integer);
CREATE FUNCTION lt(w, w) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1).a < ($2).a';
CREATE OPERATOR <% (LEFTARG = w, RIGHTARG = w, FUNCTION = lt, NEGATOR = >=%);
--@ prod
CREATE TYPE w AS (a integer);
CREATE FUNCTION lt(w, w) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1).a < ($2).a';
CREATE OPERATOR <% (LEFTARG = w, RIGHTARG = w, FUNCTION = lt, NEGATOR = >=%);
