-- Only primary keys are repaired: another serial that lags behind may be meant to.
CREATE TABLE counters (id serial);
CREATE TABLE numbered (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, place serial);
INSERT INTO counters VALUES (5);
INSERT INTO numbered (place) VALUES (5);
