-- The server process that answers this very statement.
SELECT pg_catalog.pg_backend_pid()
