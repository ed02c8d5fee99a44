-- Expected: as before after a restore in place and a rollback: constructors of a range and its multirange with long and odd names, closed to all but one role. The type's owner is no superuser.
--@ expect promoted
--@ versions 16-16 15-18
--@ set rollback=yes
--@ set restore=--strategy clean --yes
--@ roles
create role g13_owner; create role "g13 ""caller""";
--@ dev
create schema "S ä";
create type "S ä"."span of ""texts"", with a name that has sixty-three bytes, all of" as range (subtype = text, collation = "C", multirange_type_name = "S ä"."many (of them)");
create table t(id int primary key);
--@ prod
create schema "S ä" authorization g13_owner;
set role g13_owner;
create type "S ä"."span of ""texts"", with a name that has sixty-three bytes, all of" as range (subtype = text, collation = "C", multirange_type_name = "S ä"."many (of them)");
reset role;
revoke execute on function "S ä"."span of ""texts"", with a name that has sixty-three bytes, all of"(text, text) from public;
grant execute on function "S ä"."span of ""texts"", with a name that has sixty-three bytes, all of"(text, text) to "g13 ""caller""" with grant option;
revoke execute on function "S ä"."many (of them)"() from public;
create table t(id int primary key);
