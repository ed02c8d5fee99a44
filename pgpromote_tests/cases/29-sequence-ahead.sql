-- A sequence ahead of the ids stays: the ids between were given to rows that are gone.
-- then: INSERT INTO ahead DEFAULT VALUES RETURNING id => 1001
-- then: INSERT INTO exact DEFAULT VALUES RETURNING id => 6
CREATE TABLE ahead (id serial PRIMARY KEY);
INSERT INTO ahead VALUES (5);
SELECT setval('ahead_id_seq', 1000);
CREATE TABLE exact (id serial PRIMARY KEY);
INSERT INTO exact VALUES (5);
SELECT setval('exact_id_seq', 6, false);
