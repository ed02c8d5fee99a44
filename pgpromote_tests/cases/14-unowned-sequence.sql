-- A default nextval() of a sequence that no column owns; the sequence may live in another schema.
-- plan: bump public.orders.id 1 -> 9
-- then: INSERT INTO orders DEFAULT VALUES RETURNING id => 9
CREATE SCHEMA numbers;
CREATE SEQUENCE numbers.orders;
CREATE TABLE orders (id integer PRIMARY KEY DEFAULT nextval('numbers.orders'));
INSERT INTO orders VALUES (8);
