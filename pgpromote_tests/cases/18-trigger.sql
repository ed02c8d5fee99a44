-- A BEFORE INSERT ROW trigger may set the key; an identity would win over it. Other triggers cannot.
-- skip: public.disabled.id trigger
-- skip: public.filled.id trigger
-- skip: public.parts.id trigger
-- plan: add public.noted.id 1
-- then: INSERT INTO filled DEFAULT VALUES RETURNING id => 200
-- then: INSERT INTO noted DEFAULT VALUES RETURNING id => 1
CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := 200; RETURN NEW; END $$;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TABLE filled (id integer PRIMARY KEY);
CREATE TRIGGER fill BEFORE INSERT ON filled FOR EACH ROW EXECUTE FUNCTION fill();
CREATE TABLE disabled (id integer PRIMARY KEY);
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON disabled FOR EACH ROW EXECUTE FUNCTION fill();
ALTER TABLE disabled DISABLE TRIGGER fill;
CREATE TABLE parts (id integer PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (1000);
CREATE TRIGGER fill BEFORE INSERT ON parts_1 FOR EACH ROW EXECUTE FUNCTION fill();
CREATE TABLE noted (id integer PRIMARY KEY);
CREATE TRIGGER after_row AFTER INSERT ON noted FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER before_statement BEFORE INSERT ON noted FOR EACH STATEMENT EXECUTE FUNCTION note();
CREATE TRIGGER before_update BEFORE UPDATE ON noted FOR EACH ROW EXECUTE FUNCTION note();
