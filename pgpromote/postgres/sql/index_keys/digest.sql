-- What an index would hold for the rows of a table, whatever their order. The names stand as the catalogs write them.
SELECT pg_catalog.sum(pg_catalog.hashtextextended(
           CASE WHEN {predicate} THEN ROW({expressions})::pg_catalog.text END, 0))
  FROM ONLY {table}
