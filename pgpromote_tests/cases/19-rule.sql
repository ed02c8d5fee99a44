-- A rule on INSERT sees what the key is filled with, so an identity would change what it does.
-- skip: public.orders.id trigger
CREATE TABLE orders (id integer PRIMARY KEY);
CREATE TABLE log (id integer);
CREATE RULE log AS ON INSERT TO orders DO ALSO INSERT INTO log VALUES (coalesce(NEW.id, 0));
