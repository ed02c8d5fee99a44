-- A generated column is complete.
CREATE TABLE orders (number integer, id integer GENERATED ALWAYS AS (number * 10) STORED PRIMARY KEY);
INSERT INTO orders VALUES (8);
