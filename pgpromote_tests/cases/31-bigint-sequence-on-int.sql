-- The column ends before its sequence does.
-- skip: public.full_up.id exhausted
-- find: nearly_used_up public.near.id
CREATE SEQUENCE full_numbers;
CREATE TABLE full_up (id integer PRIMARY KEY DEFAULT nextval('full_numbers'));
INSERT INTO full_up VALUES (2147483647);
CREATE SEQUENCE near_numbers START 2000000000;
CREATE TABLE near (id integer PRIMARY KEY DEFAULT nextval('near_numbers'));
