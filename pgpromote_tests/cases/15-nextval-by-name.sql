-- nextval('…'::text) looks the sequence up at run time: PostgreSQL knows of no connection, so neither do we.
-- skip: public.orders.id by_name
CREATE SEQUENCE s;
CREATE TABLE orders (id integer PRIMARY KEY DEFAULT nextval('s'::text));
INSERT INTO orders VALUES (8);
