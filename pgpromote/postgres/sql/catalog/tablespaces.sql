-- Tablespaces of the server.
SELECT t.spcname::text FROM pg_catalog.pg_tablespace AS t ORDER BY t.spcname
