-- A key that a function fills is complete, whatever the function does.
CREATE FUNCTION next_id() RETURNS integer LANGUAGE sql RETURN 200;
CREATE TABLE orders (id integer PRIMARY KEY DEFAULT next_id());
INSERT INTO orders VALUES (8);
