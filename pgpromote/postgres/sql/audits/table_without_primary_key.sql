-- severity: info
-- follows dev: yes
-- ignored: Equal rows can be neither corrected one by one nor replicated.
-- fix: ALTER TABLE {table} ADD PRIMARY KEY (...);
--
-- A table without primary key, nor a unique index of columns that are NOT NULL: nothing tells two equal rows apart.
-- Often it is meant, for logs or staging; after a promotion it may be a key that failed to come along.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       'It has no primary key.' AS message,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table"
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p')
   AND c.oid >= 16384  -- the first number a user's object can have
   AND c.relpersistence <> 't'
   AND NOT c.relispartition
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'p')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i
                    WHERE i.indrelid = c.oid
                      AND i.indisunique AND i.indisvalid AND i.indimmediate
                      AND i.indpred IS NULL AND i.indexprs IS NULL
                      AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                                       WHERE a.attrelid = c.oid
                                         AND a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1])
                                         AND NOT a.attnotnull))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                      AND d.objid = c.oid
                      AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname
