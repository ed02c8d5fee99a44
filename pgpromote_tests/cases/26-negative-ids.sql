-- Values below the sequence's minimum never collide with it.
-- plan: add public.mixed.id 6
-- plan: add public.negative.id 1
-- then: INSERT INTO negative DEFAULT VALUES RETURNING id => 1
CREATE TABLE negative (id integer PRIMARY KEY);
INSERT INTO negative VALUES (-1), (-500);
CREATE TABLE mixed (id integer PRIMARY KEY);
INSERT INTO mixed VALUES (-1), (5);
CREATE TABLE served (id serial PRIMARY KEY);
INSERT INTO served VALUES (-3);
