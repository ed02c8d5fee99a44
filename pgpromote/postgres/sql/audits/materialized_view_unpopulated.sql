-- severity: warning
-- follows dev: yes
-- ignored: Every query of it fails.
-- fix: REFRESH MATERIALIZED VIEW {view};
--
-- A materialized view that holds nothing yet. A restore leaves it so when the refresh failed, for example because a
-- function in it finds its tables by search_path only.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       'It was never populated: a query of it fails.' AS message,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS view
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'm'
   AND NOT c.relispopulated
 ORDER BY n.nspname, c.relname
