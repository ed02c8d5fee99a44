-- Rows of one table and a hash of them that does not depend on their order. A sum, because equal rows would
-- cancel each other in an exclusive or.
SELECT pg_catalog.count(*),
       coalesce(pg_catalog.sum(pg_catalog.hashtextextended(ROW(counted.*)::pg_catalog.text, 0)), 0)
  FROM ONLY {table} AS counted
