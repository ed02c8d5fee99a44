-- One sequence for several tables goes beyond the ids of all of them, keys or not.
-- plan: bump public.cats.id 1 -> 701
-- find: shared_sequence public.cats.id
-- then: INSERT INTO cats DEFAULT VALUES RETURNING id => 701
-- then: INSERT INTO dogs DEFAULT VALUES RETURNING id => 702
CREATE SEQUENCE animals;
CREATE TABLE dogs (id integer PRIMARY KEY DEFAULT nextval('animals'));
CREATE TABLE cats (id integer PRIMARY KEY DEFAULT nextval('animals'));
CREATE TABLE aardvarks (id integer DEFAULT nextval('animals'));
ALTER SEQUENCE animals OWNED BY dogs.id;
INSERT INTO dogs VALUES (500);
INSERT INTO cats VALUES (40);
INSERT INTO aardvarks VALUES (700);
