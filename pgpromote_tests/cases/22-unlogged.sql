-- An unlogged table is a table like others, and its sequence is unlogged too.
-- plan: add public.cache.id 6
-- then: INSERT INTO cache DEFAULT VALUES RETURNING id => 6
-- then: SELECT relpersistence FROM pg_class WHERE relname = 'cache_id_seq' => u
CREATE UNLOGGED TABLE cache (id integer PRIMARY KEY);
INSERT INTO cache VALUES (5);
