-- Expected: foreign keys of partitioned tables that are NOT VALID (18) come after the rows that break them, however pg_restore's connections meet.
--@ expect promoted
--@ versions 18-18
--@ dev
CREATE TABLE "Käufer" (nummer integer PRIMARY KEY);
INSERT INTO "Käufer" VALUES (1);
DO $$
BEGIN
    FOR n IN 1..4 LOOP
        EXECUTE format('CREATE TABLE "Auftrag %1$s" (id integer, "Käufer" integer) PARTITION BY RANGE (id)', n);
        EXECUTE format('CREATE TABLE "Teil von %1$s" PARTITION OF "Auftrag %1$s" DEFAULT', n);
        EXECUTE format('INSERT INTO "Auftrag %1$s" SELECT g, 700 + g FROM generate_series(1, 200) g', n);
        EXECUTE format('ALTER TABLE "Auftrag %1$s" ADD CONSTRAINT "an ""Käufer""" FOREIGN KEY ("Käufer") REFERENCES "Käufer" NOT VALID', n);
    END LOOP;
END $$;
