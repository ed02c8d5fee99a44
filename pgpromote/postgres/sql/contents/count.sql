-- Rows of one table, and the highest of its keys.
SELECT {number}, pg_catalog.count(*), NULL::pg_catalog.numeric, {highest}
  FROM ONLY {table} AS counted
