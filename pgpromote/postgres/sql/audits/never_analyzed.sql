-- severity: warning
-- follows dev: no
-- ignored: The planner guesses, and queries that took milliseconds take minutes.
-- fix: ANALYZE {table};
--
-- A table with rows and without statistics. A restore brings none by itself. Autovacuum comes later, and never
-- analyzes a partitioned table, nor a parent whose rows all lie in the tables that inherit from it.
--
-- Asked of the statistics themselves: CREATE INDEX counts a table's rows as well, and leaves it at that. They show
-- to us only what we may read; of other tables we see whether their rows were ever counted. A parent has statistics of
-- its own rows, and others of all rows of its tree; ANALYZE of it leaves those of its children out before 18.
WITH RECURSIVE analyzed AS MATERIALIZED (
    SELECT s.schemaname, s.tablename,
           pg_catalog.bool_or(NOT s.inherited) AS alone,
           pg_catalog.bool_or(s.inherited) AS tree
      FROM pg_catalog.pg_stats AS s
     GROUP BY s.schemaname, s.tablename
), filled AS MATERIALIZED (
    SELECT c.oid
      FROM pg_catalog.pg_class AS c
     WHERE c.relkind IN ('r', 'm')
       AND c.oid >= 16384  -- the first number a user's object can have
       AND c.relpersistence <> 't'
       AND c.reltuples <> 0
       AND pg_catalog.pg_relation_size(c.oid) > 0
), above (oid) AS (
    SELECT i.inhparent
      FROM filled AS f
      JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = f.oid
     UNION
    SELECT i.inhparent
      FROM above AS a
      JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = a.oid
)
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       CASE WHEN o.alone THEN 'It holds rows and was never analyzed.'
            WHEN c.relkind = 'p' THEN 'Its partitions hold rows, and it was never analyzed as a whole.'
            ELSE 'Tables that inherit from it hold rows, and it was never analyzed with them.'
        END AS message,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table"
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN analyzed AS s ON s.schemaname = n.nspname AND s.tablename = c.relname
 CROSS JOIN LATERAL (
       SELECT c.oid IN (SELECT f.oid FROM filled AS f) AND NOT coalesce(s.alone, false),
              c.oid IN (SELECT a.oid FROM above AS a) AND NOT coalesce(s.tree, false)) AS o(alone, tree)
 WHERE c.relkind IN ('r', 'm', 'p')
   AND (o.alone OR o.tree)
   AND (c.reltuples = -1 AND (o.alone OR c.relkind = 'p')
        OR (pg_catalog.has_table_privilege(c.oid, 'SELECT')
            AND NOT pg_catalog.row_security_active(c.oid)))
   -- Not all columns are looked at: some were left out by hand, virtual ones since PostgreSQL 18.
   AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                  AND coalesce(a.attstattarget, -1) <> 0 AND a.attgenerated <> 'v')
 ORDER BY n.nspname, c.relname
