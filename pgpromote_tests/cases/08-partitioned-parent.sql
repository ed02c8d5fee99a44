-- The parent gets the identity; from 17 on it reaches the partitions, old and new, by itself.
-- plan: add public.events.id 151
-- find[15,16]: partition_inserts public.events.id
-- then: INSERT INTO events VALUES (DEFAULT) RETURNING id => 151
-- then[15,16]: INSERT INTO events_high DEFAULT VALUES RETURNING id => error 23502
-- then[17,18]: INSERT INTO events_high DEFAULT VALUES RETURNING id => 152
-- then: CREATE TABLE events_later PARTITION OF events FOR VALUES FROM (1000) TO (2000) => ok
-- then: INSERT INTO events VALUES (1500) RETURNING id => 1500
CREATE TABLE events (id integer PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE events_low PARTITION OF events FOR VALUES FROM (1) TO (100);
CREATE TABLE events_high PARTITION OF events FOR VALUES FROM (100) TO (1000);
INSERT INTO events VALUES (1), (150);
