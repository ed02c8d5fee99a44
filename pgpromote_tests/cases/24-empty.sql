-- An empty table starts at 1, and a sequence that has not been used stays where it is.
-- plan: add public.added.id 1
-- then: INSERT INTO added DEFAULT VALUES RETURNING id => 1
-- then: INSERT INTO served DEFAULT VALUES RETURNING id => 1
CREATE TABLE added (id integer PRIMARY KEY);
CREATE TABLE served (id serial PRIMARY KEY);
