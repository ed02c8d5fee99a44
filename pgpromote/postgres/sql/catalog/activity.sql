-- What this promotion's sessions are in the middle of here: rows that come into tables, indexes that are built.
-- An index is first scanned for, then written; each counts half, whatever it took.
WITH working (pid, database, relation, loading, rows, share) AS (
    SELECT p.pid, p.datname::text, p.relid, true, p.tuples_processed, NULL::pg_catalog.float8
      FROM pg_catalog.pg_stat_progress_copy AS p
     UNION ALL
    SELECT p.pid, p.datname::text, p.relid, false, NULL,
           CASE WHEN p.tuples_total > 0 THEN (1 + p.tuples_done / p.tuples_total::pg_catalog.float8) / 2
                WHEN p.blocks_total > 0 THEN p.blocks_done / p.blocks_total::pg_catalog.float8 / 2
                ELSE 0
            END
      FROM pg_catalog.pg_stat_progress_create_index AS p
)
SELECT w.loading, n.nspname AS schema, c.relname AS "table", w.rows, w.share
  FROM working AS w
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = w.pid
  JOIN pg_catalog.pg_class AS c ON c.oid = w.relation
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE w.database = pg_catalog.current_database()
   AND a.application_name = pg_catalog.current_setting('application_name')
 ORDER BY w.loading DESC, n.nspname, c.relname
