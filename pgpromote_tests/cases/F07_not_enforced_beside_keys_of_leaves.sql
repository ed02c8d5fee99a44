-- Expected: checks that are NOT ENFORCED (18) on roots of partitions lock their whole trees, and meet no foreign key of a leaf on another connection.
--@ expect promoted
--@ versions 18-18
--@ dev
DO $$
BEGIN
    FOR n IN 1..6 LOOP
        EXECUTE format('CREATE TABLE "root %1$s" (a bigint, b text, c time, PRIMARY KEY (b, c)) PARTITION BY HASH (b)', n);
        EXECUTE format('CREATE TABLE "leaf %1$s" PARTITION OF "root %1$s" FOR VALUES WITH (MODULUS 1, REMAINDER 0)', n);
        EXECUTE format('INSERT INTO "root %1$s" VALUES (-1, ''x'', ''12:00'')', n);
        EXECUTE format('ALTER TABLE "leaf %1$s" ADD CONSTRAINT "to the root" FOREIGN KEY (b, c) REFERENCES "root %1$s" DEFERRABLE', n);
        EXECUTE format('ALTER TABLE "root %1$s" ADD CONSTRAINT "above 0" CHECK (a > 0) NOT ENFORCED', n);
    END LOOP;
END $$;
