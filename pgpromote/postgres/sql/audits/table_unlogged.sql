-- severity: warning
-- follows dev: yes
-- ignored: It is empty after a crash of the server, on every standby, and in every physical backup.
-- fix: ALTER {kind} {name} SET LOGGED;
--
-- A table or sequence that is not written to the log. Right for a cache, wrong for everything else.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       'Its contents are lost when the server crashes.' AS message,
       CASE WHEN c.relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'S')
   AND c.relpersistence = 'u'
   -- A sequence that an unlogged table owns goes with it.
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                     JOIN pg_catalog.pg_class AS o ON o.oid = d.refobjid AND o.relpersistence = 'u'
                    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                      AND d.objid = c.oid
                      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                      AND d.deptype IN ('a', 'i'))
 ORDER BY n.nspname, c.relname
