-- The sequence of a serial lags behind the ids: after it is moved the next insert succeeds.
-- plan: bump public.called.id 4 -> 501
-- plan: bump public.fresh.id 1 -> 501
-- then: INSERT INTO fresh DEFAULT VALUES RETURNING id => 501
-- then: INSERT INTO called DEFAULT VALUES RETURNING id => 501
CREATE TABLE fresh (id serial PRIMARY KEY);
INSERT INTO fresh SELECT generate_series(1, 500);
CREATE TABLE called (id bigserial PRIMARY KEY);
INSERT INTO called SELECT generate_series(10, 500);
SELECT setval('called_id_seq', 3);
