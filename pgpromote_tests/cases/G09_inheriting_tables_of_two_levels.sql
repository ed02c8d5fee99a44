-- Expected: after the swap a grandchild of two parents, in another schema and of a plain owner, has statistics, and so have its parents with what inherits.
--@ expect promoted
--@ versions 16-16 18-18
--@ dev
CREATE SCHEMA "Archiv 2025";
CREATE TABLE "Vorgang" (nummer integer, "Größe" text);
CREATE TABLE belegt (nummer integer, seit date);
CREATE TABLE "Archiv 2025"."Vorgang der alten Zeit" (primary key (nummer)) INHERITS ("Vorgang", belegt);
CREATE TABLE "Archiv 2025".enkel (extra numeric) INHERITS ("Archiv 2025"."Vorgang der alten Zeit");
INSERT INTO "Vorgang" SELECT n, 'klein' FROM generate_series(1, 50) n;
INSERT INTO "Archiv 2025"."Vorgang der alten Zeit" SELECT n, 'groß', '2025-01-01' FROM generate_series(1, 500) n;
INSERT INTO "Archiv 2025".enkel SELECT n, 'riesig', '2024-01-01', n / 3.0 FROM generate_series(1, 900) n;
--@ check
SELECT string_agg(DISTINCT tablename || ' ' || inherited, ', ' ORDER BY tablename || ' ' || inherited) FROM pg_stats WHERE schemaname IN ('public', 'Archiv 2025')
--@ answers
Vorgang der alten Zeit false, Vorgang der alten Zeit true, Vorgang false, Vorgang true, belegt true, enkel false
