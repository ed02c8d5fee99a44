-- Expected: restored in place; dev and prod hold the same conversion, and it is called prod's alone.
--@ expect promoted
--@ set restore=--strategy clean --yes
--@ dev
create schema app;
create conversion app.conv for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
--@ prod
create schema app;
create conversion app.conv for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
