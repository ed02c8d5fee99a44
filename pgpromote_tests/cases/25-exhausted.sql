-- No number is left: the type must change first.
-- skip: public.small.id exhausted
-- skip: public.used_up.id exhausted
-- skip: public.behind.id exhausted
-- find: nearly_used_up public.used_up.id
CREATE TABLE small (id smallint PRIMARY KEY);
INSERT INTO small VALUES (1), (32767);
CREATE TABLE behind (id serial PRIMARY KEY);
INSERT INTO behind VALUES (2147483647);
CREATE TABLE used_up (id smallserial PRIMARY KEY);
SELECT setval('used_up_id_seq', 32767);
