-- Names that need quotes, in either part; braces and percent signs are ours to get wrong.
-- plan: add "Sales Room"."Order""s".id 6
-- plan: add "Sales Room"."a.b"."I D" 6
-- plan: add "Sales Room"."we{0}ird%s"."%(x)s" 6
-- plan: add "Sales Room"."select"."from" 6
-- plan: add "Sales Room"."two\nlines"."new\nline" 6
-- plan: add "Sales Room"."zürich"."größe" 6
-- plan: add "Sales Room"."it's\\here"."a'b" 6
-- plan: bump "Sales Room"."it's serial\\too"."{i}d'" 1 -> 6
-- then: INSERT INTO "Sales Room"."a.b" DEFAULT VALUES RETURNING "I D" => 6
-- then: INSERT INTO "Sales Room"."it's serial\\too" DEFAULT VALUES RETURNING "{i}d'" => 6
CREATE SCHEMA "Sales Room";
CREATE TABLE "Sales Room"."Order""s" (id integer PRIMARY KEY);
CREATE TABLE "Sales Room"."a.b" ("I D" integer PRIMARY KEY);
CREATE TABLE "Sales Room"."we{0}ird%s" ("%(x)s" integer PRIMARY KEY);
CREATE TABLE "Sales Room"."select" ("from" integer PRIMARY KEY);
CREATE TABLE "Sales Room"."two
lines" ("new
line" integer PRIMARY KEY);
CREATE TABLE "Sales Room"."zürich" ("größe" integer PRIMARY KEY);
CREATE TABLE "Sales Room"."it's\here" ("a'b" integer PRIMARY KEY);
CREATE TABLE "Sales Room"."it's serial\too" ("{i}d'" serial PRIMARY KEY);
INSERT INTO "Sales Room"."Order""s" VALUES (5);
INSERT INTO "Sales Room"."a.b" VALUES (5);
INSERT INTO "Sales Room"."we{0}ird%s" VALUES (5);
INSERT INTO "Sales Room"."select" VALUES (5);
INSERT INTO "Sales Room"."two
lines" VALUES (5);
INSERT INTO "Sales Room"."zürich" VALUES (5);
INSERT INTO "Sales Room"."it's\here" VALUES (5);
INSERT INTO "Sales Room"."it's serial\too" VALUES (5);
