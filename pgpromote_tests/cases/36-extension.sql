-- An extension's table belongs to the extension: what we added would be lost in the next dump.
-- skip: public.empty.id extension
-- skip: public.served.id extension
CREATE TABLE empty (id integer PRIMARY KEY);
CREATE TABLE served (id serial PRIMARY KEY);
CREATE TABLE fine (id serial PRIMARY KEY);
INSERT INTO served VALUES (5);
ALTER EXTENSION plpgsql ADD TABLE empty;
ALTER EXTENSION plpgsql ADD TABLE served;
ALTER EXTENSION plpgsql ADD TABLE fine;
