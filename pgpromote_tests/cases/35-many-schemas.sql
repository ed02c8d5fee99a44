-- Tables of the same name in several schemas are different tables.
-- plan: add a.t.id 2
-- plan: add b.t.id 3
-- plan: add public.t.id 4
-- then: INSERT INTO b.t DEFAULT VALUES RETURNING id => 3
CREATE SCHEMA a;
CREATE SCHEMA b;
CREATE TABLE a.t (id integer PRIMARY KEY);
CREATE TABLE b.t (id integer PRIMARY KEY);
CREATE TABLE t (id integer PRIMARY KEY);
INSERT INTO a.t VALUES (1);
INSERT INTO b.t VALUES (2);
INSERT INTO t VALUES (3);
