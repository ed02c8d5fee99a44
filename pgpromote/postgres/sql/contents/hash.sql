-- Rows of one table, a hash of them that does not depend on their order, and the highest of its keys.
-- A sum, because equal rows would cancel each other in an exclusive or.
SELECT {number},
       pg_catalog.count(*),
       coalesce(pg_catalog.sum(pg_catalog.hash_record_extended(ROW({values}), 0)), 0),
       {highest}
  FROM ONLY {table} AS counted
