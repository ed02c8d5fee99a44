-- Expected: foreign keys of leaves and of a table to itself that are NOT VALID come after the rows that break them; a valid one holds.
--@ expect promoted
--@ versions 15-15 16-16 18-18
--@ dev
CREATE TABLE node (id integer PRIMARY KEY, above integer, root integer REFERENCES node);
INSERT INTO node SELECT g, g + 5000, 1 + g / 100 FROM generate_series(1, 300) g;
ALTER TABLE node ADD CONSTRAINT "node under node" FOREIGN KEY (above) REFERENCES node DEFERRABLE INITIALLY DEFERRED NOT VALID;
CREATE TABLE visit (at date, node integer) PARTITION BY RANGE (at);
CREATE TABLE visit_2025 PARTITION OF visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE visit_2026 PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO visit SELECT '2025-06-01'::date + g, 9000 + g FROM generate_series(1, 400) g;
ALTER TABLE visit_2025 ADD CONSTRAINT seen FOREIGN KEY (node) REFERENCES node NOT VALID;
ALTER TABLE visit_2026 ADD CONSTRAINT seen FOREIGN KEY (node) REFERENCES node NOT VALID;
