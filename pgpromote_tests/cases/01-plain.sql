-- An integer key that lost its default. A gap in the ids is not filled.
-- plan: add public.users.id 501
-- then: INSERT INTO users (name) VALUES ('x'), ('y') RETURNING id => 501, 502
CREATE TABLE users (id integer PRIMARY KEY, name text);
INSERT INTO users SELECT n, 'user' FROM generate_series(1, 500) AS n WHERE n <> 7;
