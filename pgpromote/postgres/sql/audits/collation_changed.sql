-- severity: warning
-- follows dev: no
-- ignored: Queries by text miss rows, and unique indexes let duplicates in.
-- fix: REINDEX DATABASE {database}; ALTER {what} REFRESH COLLATION VERSION;
--
-- The operating system sorts otherwise than when the indexes were built: its collation has another version than
-- the one recorded. Indexes on text are in the old order until they are rebuilt.
SELECT o.what AS object,
       pg_catalog.format('Recorded is collation version %s, the system has %s.', o.recorded,
                         coalesce(o.present, 'none')) AS message,
       pg_catalog.quote_ident(pg_catalog.current_database()) AS "database",
       o.what
  FROM (SELECT pg_catalog.format('DATABASE %I', d.datname), d.datcollversion,
               pg_catalog.pg_database_collation_actual_version(d.oid)
          FROM pg_catalog.pg_database AS d
         WHERE d.datname = pg_catalog.current_database()
         UNION ALL
        SELECT pg_catalog.format('COLLATION %I.%I', n.nspname, c.collname), c.collversion,
               pg_catalog.pg_collation_actual_version(c.oid)
          FROM pg_catalog.pg_collation AS c
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace
         -- The server lists hundreds that nobody uses.
         WHERE EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                        WHERE a.attcollation = c.oid AND a.attrelid >= 16384 AND NOT a.attisdropped)
       ) AS o(what, recorded, present)
 WHERE o.recorded IS NOT NULL
   AND o.recorded IS DISTINCT FROM o.present
 ORDER BY o.what
