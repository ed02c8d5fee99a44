-- severity: info
-- follows dev: yes
-- ignored: An insert that does not name the column fails.
-- fix: ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT ...;
--
-- Columns that are NOT NULL and have no default. Often this is meant; after a promotion it is also the trace of a
-- default that was lost on the way. Columns of a primary or foreign key do not count: an application always fills
-- them.
SELECT pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname) AS object,
       pg_catalog.format('It is %s. Name it in every INSERT, or give it a default.',
                         pg_catalog.format_type(a.atttypid, a.atttypmod)) AS message,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table",
       pg_catalog.quote_ident(a.attname) AS "column"
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
 WHERE c.relkind IN ('r', 'p')
   AND NOT c.relispartition
   AND c.relpersistence <> 't'
   AND c.oid >= 16384  -- the first number a user's object can have
   AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND a.attnum > 0
   AND a.attnotnull
   AND NOT a.atthasdef  -- generated columns count as having one
   AND a.attidentity = ''
   AND t.typdefaultbin IS NULL  -- a domain's default
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
                    WHERE k.conrelid = c.oid AND k.contype IN ('p', 'f') AND a.attnum = ANY (k.conkey))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                      AND d.objid = c.oid
                      AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname, a.attnum
