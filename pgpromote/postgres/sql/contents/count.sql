-- Rows of one table.
SELECT pg_catalog.count(*), NULL FROM ONLY {table}
