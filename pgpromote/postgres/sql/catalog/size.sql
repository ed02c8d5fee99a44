-- How many bytes the current database takes on disk.
SELECT pg_catalog.pg_database_size(pg_catalog.current_database())
