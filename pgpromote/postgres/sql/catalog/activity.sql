-- What this promotion's sessions are in the middle of here: rows that come into tables, indexes that are built.
-- An index is first scanned for, then written; each counts half, whatever it took.
SELECT true AS loading, n.nspname AS schema, c.relname AS "table", p.tuples_processed AS rows, NULL::pg_catalog.float8 AS share
  FROM pg_catalog.pg_stat_progress_copy AS p
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = p.pid
  JOIN pg_catalog.pg_class AS c ON c.oid = p.relid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE p.datname = pg_catalog.current_database()
   AND a.application_name = pg_catalog.current_setting('application_name')
 UNION ALL
SELECT false, n.nspname, c.relname, NULL,
       CASE WHEN p.tuples_total > 0 THEN (1 + p.tuples_done / p.tuples_total::pg_catalog.float8) / 2
            WHEN p.blocks_total > 0 THEN p.blocks_done / p.blocks_total::pg_catalog.float8 / 2
            ELSE 0
        END
  FROM pg_catalog.pg_stat_progress_create_index AS p
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = p.pid
  JOIN pg_catalog.pg_class AS c ON c.oid = p.relid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE p.datname = pg_catalog.current_database()
   AND a.application_name = pg_catalog.current_setting('application_name')
 ORDER BY loading DESC, schema, "table"
