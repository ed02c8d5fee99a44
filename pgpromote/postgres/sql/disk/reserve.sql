-- How many bytes the server's write-ahead log may take.
SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_wal_size'))
