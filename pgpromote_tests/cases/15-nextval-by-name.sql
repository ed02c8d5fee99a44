-- nextval('...'::text) looks the sequence up at run time; PostgreSQL keeps no dependency, so the name is followed:
-- with its schema, in the database's search path, or where one sequence alone has it.
-- plan: bump public.orders.id 1 -> 9
-- plan: bump public.qualified.id 5 -> 21
-- plan: bump public.quoted.id 1 -> 4
-- plan: bump public.folded.id 1 -> 4
-- plan: bump public.elsewhere.id 1 -> 4
-- plan: bump public.shadowed.id 1 -> 8
-- plan: bump public.by_varchar.id 1 -> 4
-- skip: public.nowhere.id by_name
-- skip: public.ambiguous.id by_name
-- skip: public.not_constant.id computed
-- then: INSERT INTO orders DEFAULT VALUES RETURNING id => 9
-- then: INSERT INTO qualified DEFAULT VALUES RETURNING id => 21
-- then: INSERT INTO quoted DEFAULT VALUES RETURNING id => 4
-- then: INSERT INTO by_varchar DEFAULT VALUES RETURNING id => 4
-- then: INSERT INTO shadowed DEFAULT VALUES RETURNING id => 8
CREATE SCHEMA "Other ""one";
CREATE SCHEMA by_name_1;
CREATE SCHEMA by_name_2;
CREATE SEQUENCE s;
CREATE TABLE orders (id integer PRIMARY KEY DEFAULT nextval('s'::text));
INSERT INTO orders VALUES (8);
CREATE SEQUENCE item_numbers;
CREATE TABLE qualified (id integer PRIMARY KEY DEFAULT nextval(('public.item_numbers'::text)::regclass));
INSERT INTO qualified SELECT generate_series(1, 20);
SELECT setval('item_numbers', 5, false);
CREATE SEQUENCE "Other ""one"."It's . here";
CREATE TABLE quoted (id bigint PRIMARY KEY DEFAULT nextval('"Other ""one"."It''s . here"'::text));
INSERT INTO quoted VALUES (3);
CREATE SEQUENCE folded_one;
CREATE TABLE folded (id bigint PRIMARY KEY DEFAULT nextval(' Public . FOLDED_one '::text)::integer);
INSERT INTO folded VALUES (3);
CREATE SEQUENCE by_name_1.far;
CREATE TABLE elsewhere (id smallint PRIMARY KEY DEFAULT nextval('far'::text));
INSERT INTO elsewhere VALUES (3);
CREATE SEQUENCE by_name_1.twice;
CREATE SEQUENCE public.twice;
CREATE TABLE shadowed (id integer PRIMARY KEY DEFAULT nextval('twice'::text));
INSERT INTO shadowed VALUES (7);
CREATE SEQUENCE by_varchar_numbers;
CREATE TABLE by_varchar (id integer PRIMARY KEY DEFAULT nextval('by_varchar_numbers'::varchar));
INSERT INTO by_varchar VALUES (3);
CREATE TABLE nowhere (id integer PRIMARY KEY DEFAULT nextval('no_such'::text));
INSERT INTO nowhere VALUES (3);
CREATE SEQUENCE by_name_1.both;
CREATE SEQUENCE by_name_2.both;
CREATE TABLE ambiguous (id integer PRIMARY KEY DEFAULT nextval('both'::text));
INSERT INTO ambiguous VALUES (3);
CREATE TABLE not_constant (id integer PRIMARY KEY DEFAULT nextval(concat('s', '')::regclass));
INSERT INTO not_constant VALUES (3);
