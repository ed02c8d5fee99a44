-- Every integer type can be an identity, and its sequence gets the type's range.
-- plan: add public.big.id 8
-- plan: add public.middle.id 8
-- plan: add public.small.id 8
-- then: INSERT INTO small DEFAULT VALUES RETURNING id => 8
-- then: INSERT INTO big DEFAULT VALUES RETURNING id => 8
-- then: SELECT seqmax FROM pg_sequence WHERE seqrelid = 'small_id_seq'::regclass => 32767
CREATE TABLE small (id smallint PRIMARY KEY);
CREATE TABLE middle (id integer PRIMARY KEY);
CREATE TABLE big (id bigint PRIMARY KEY);
INSERT INTO small VALUES (7);
INSERT INTO middle VALUES (7);
INSERT INTO big VALUES (7);
