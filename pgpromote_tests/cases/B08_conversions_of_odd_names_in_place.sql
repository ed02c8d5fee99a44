-- Expected: restored in place; conversions of odd and long names, a default one and their comments stay what they are, and none is called prod's alone.
--@ expect promoted
--@ versions 16-16 18-18
--@ set restore=--strategy clean --yes
--@ set losses=none
--@ dev
CREATE SCHEMA "Ströme & ""Wege""";
CREATE DEFAULT CONVERSION "Ströme & ""Wege"""."von 1 nach 8" FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE CONVERSION "Ströme & ""Wege""".a_conversion_with_a_name_that_takes_all_of_the_sixty_three_byte FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
COMMENT ON CONVERSION "Ströme & ""Wege"""."von 1 nach 8" IS 'it''s "odd"';
--@ prod
CREATE SCHEMA "Ströme & ""Wege""";
CREATE DEFAULT CONVERSION "Ströme & ""Wege"""."von 1 nach 8" FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE CONVERSION "Ströme & ""Wege""".a_conversion_with_a_name_that_takes_all_of_the_sixty_three_byte FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
COMMENT ON CONVERSION "Ströme & ""Wege"""."von 1 nach 8" IS 'of before';
--@ check
SELECT conname, condefault FROM pg_conversion WHERE connamespace > 16383 ORDER BY conname::text COLLATE "C"
