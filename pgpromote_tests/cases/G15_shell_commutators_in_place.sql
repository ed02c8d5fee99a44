-- Expected: restored in place, no loss told. Shells of commutators and negators that were never made, in other schemas, over domains, arrays and long names, on both sides or on prod's alone.
--@ expect promoted
--@ versions 16-16 15-18
--@ set losses=none
--@ set restore=--strategy clean --yes
--@ dev
create schema "Ops é"; create schema elsewhere;
create domain "Ops é"."A domain whose name, in all its length, has sixty-three bytes. " as int;
create function "Ops é".less("Ops é"."A domain whose name, in all its length, has sixty-three bytes. ", text[]) returns boolean language sql immutable as 'select $1 < cardinality($2)';
create operator "Ops é".<<% (leftarg = "Ops é"."A domain whose name, in all its length, has sixty-three bytes. ", rightarg = text[], function = "Ops é".less, commutator = operator(elsewhere.%>>), negator = operator("Ops é".>=%%));
--@ prod
create schema "Ops é"; create schema elsewhere;
create domain "Ops é"."A domain whose name, in all its length, has sixty-three bytes. " as int;
create function "Ops é".less("Ops é"."A domain whose name, in all its length, has sixty-three bytes. ", text[]) returns boolean language sql immutable as 'select $1 < cardinality($2)';
create operator "Ops é".<<% (leftarg = "Ops é"."A domain whose name, in all its length, has sixty-three bytes. ", rightarg = text[], function = "Ops é".less, commutator = operator(elsewhere.<-%), negator = operator("Ops é".>=%%));
