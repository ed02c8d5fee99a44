-- Read the catalog, which no session can do without.
SELECT pg_catalog.count(*) FROM pg_catalog.pg_class
