-- Expected: checks that are NOT VALID on a root of partitions or of inheriting tables come after the rows of the leaves that break them.
--@ expect promoted
--@ versions 16-16 18-18
--@ dev
DO $$
BEGIN
    FOR n IN 1..3 LOOP
        EXECUTE format('CREATE TABLE measured_%1$s (at date, value integer) PARTITION BY LIST (value)', n);
        EXECUTE format('CREATE TABLE measured_%1$s_rest PARTITION OF measured_%1$s DEFAULT', n);
        EXECUTE format('INSERT INTO measured_%1$s SELECT NULL, -g FROM generate_series(1, 200) g', n);
        EXECUTE format('ALTER TABLE measured_%1$s ADD CONSTRAINT "above 0" CHECK (value > 0) NOT VALID', n);
        EXECUTE format('CREATE TABLE parent_%1$s (id integer)', n);
        EXECUTE format('CREATE TABLE child_%1$s (note text) INHERITS (parent_%1$s)', n);
        EXECUTE format('INSERT INTO child_%1$s SELECT -g, repeat(''x'', g) FROM generate_series(1, 200) g', n);
        EXECUTE format('ALTER TABLE parent_%1$s ADD CONSTRAINT "above 0, too" CHECK (id > 0) NOT VALID', n);
    END LOOP;
END $$;
