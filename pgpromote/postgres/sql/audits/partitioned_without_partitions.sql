-- severity: warning
-- follows dev: yes
-- ignored: It reads as empty, and every insert fails.
-- fix: CREATE TABLE ... PARTITION OF {table} ...;
--
-- A partitioned table without a partition. Its partitions may be there as tables of their own, when attaching them
-- failed.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       'It has no partition: it reads as empty, and no row can be inserted.' AS message,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table"
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'p'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = c.oid)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                      AND d.objid = c.oid
                      AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname
