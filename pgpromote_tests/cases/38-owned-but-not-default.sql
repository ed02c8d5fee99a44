-- A sequence that the column owns but does not use may be used by the application: a second one would clash.
-- skip: public.orders.id owned_sequence
CREATE TABLE orders (id serial PRIMARY KEY);
ALTER TABLE orders ALTER COLUMN id DROP DEFAULT;
