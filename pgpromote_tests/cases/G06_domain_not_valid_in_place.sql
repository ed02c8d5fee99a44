-- Expected: restored in place. Today: "type does not exist", prod half old.
--@ expect promoted
--@ set restore=--strategy clean --yes
--@ dev
CREATE DOMAIN price AS numeric;
ALTER DOMAIN price ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;
--@ prod
CREATE DOMAIN price AS numeric;
ALTER DOMAIN price ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;
