-- Rows of one table, a hash of them that does not depend on their order, and the highest of its keys.
-- A sum, because equal rows would cancel each other in an exclusive or. The server adds up a row's columns, so a row's
-- hash is hashed once more: otherwise values that two rows have exchanged would leave the sum as it is.
SELECT {number},
       pg_catalog.count(*),
       coalesce(pg_catalog.sum(pg_catalog.hashtextextended(
           pg_catalog.hash_record_extended(ROW({values}), 0)::pg_catalog.text, 0)), 0),
       {highest}
  FROM ONLY {table} AS counted
