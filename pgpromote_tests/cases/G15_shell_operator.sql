-- Expected: promoted without a loss told (the server keeps a shell for a negator that was never made; pg_dump leaves it out); in place not refused.
--@ expect promoted
--@ set losses=none
--@ dev
CREATE TYPE w AS (a integer);
CREATE FUNCTION lt(w, w) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1).a < ($2).a';
CREATE OPERATOR <% (LEFTARG = w, RIGHTARG = w, FUNCTION = lt, NEGATOR = >=%);
--@ prod
CREATE TYPE w AS (a integer);
CREATE FUNCTION lt(w, w) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1).a < ($2).a';
CREATE OPERATOR <% (LEFTARG = w, RIGHTARG = w, FUNCTION = lt, NEGATOR = >=%);
