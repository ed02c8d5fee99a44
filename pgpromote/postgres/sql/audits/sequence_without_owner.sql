-- severity: info
-- follows dev: yes
-- ignored: Dropping the table leaves it behind, and tools do not find the column's sequence.
-- fix: ALTER SEQUENCE {sequence} OWNED BY {column};
--
-- A sequence that is the default of exactly one column and belongs to none. It happens where a sequence was made by
-- hand, or its column was dropped and made again.
SELECT pg_catalog.format('%I.%I', n.nspname, s.relname) AS object,
       pg_catalog.format('It feeds %s alone, which does not own it.', u."column") AS message,
       pg_catalog.format('%I.%I', n.nspname, s.relname) AS sequence,
       u."column",
       u."table"
  FROM pg_catalog.pg_class AS s
  JOIN pg_catalog.pg_namespace AS n ON n.oid = s.relnamespace
 CROSS JOIN LATERAL (
       SELECT pg_catalog.min(pg_catalog.format('%I.%I.%I', m.nspname, c.relname, a.attname)) AS "column",
              pg_catalog.min(pg_catalog.format('%I.%I', m.nspname, c.relname)) AS "table"
         FROM pg_catalog.pg_depend AS d
         JOIN pg_catalog.pg_attrdef AS f ON f.oid = d.objid
         JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
         JOIN pg_catalog.pg_class AS c ON c.oid = f.adrelid
         JOIN pg_catalog.pg_namespace AS m ON m.oid = c.relnamespace
        WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
          AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
          AND d.refobjid = s.oid
       HAVING pg_catalog.count(*) = 1) AS u
 WHERE s.relkind = 'S'
   AND s.oid >= 16384  -- the first number a user's object can have
   AND s.relpersistence <> 't'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                      AND d.objid = s.oid
                      AND d.deptype IN ('a', 'i', 'e'))
 ORDER BY n.nspname, s.relname
