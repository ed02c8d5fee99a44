-- severity: info
-- follows dev: yes
-- ignored: Each delete of a referenced row, and each change of its key, reads the whole table.
-- fix: CREATE INDEX {concurrently}ON {table} ({columns});
--
-- A foreign key whose columns no index begins with. It does not matter where referenced rows stay for ever. A unique
-- index of some of its columns will do, and one of the rows alone whose columns are not NULL.
SELECT pg_catalog.format('%I.%I %I', n.nspname, c.relname, k.conname) AS object,
       pg_catalog.format('No index begins with (%s).', o.columns) AS message,
       CASE WHEN c.relkind = 'p' THEN '' ELSE 'CONCURRENTLY ' END AS concurrently,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table",
       o.columns
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
       SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY u.place)
         FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u(attnum, place)
         JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.attnum) AS o(columns)
 WHERE k.contype = 'f'
   AND k.conparentid = 0
   AND NOT EXISTS (
       SELECT FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = k.conrelid
          AND i.indisvalid
          AND (i.indpred IS NULL
               OR pg_catalog.pg_get_expr(i.indpred, i.indrelid) = pg_catalog.format('(%s IS NOT NULL)', o.columns))
          -- An int2vector counts from 0. Which of the columns comes first does not matter.
          AND ((i.indkey::pg_catalog.int2[])[0:pg_catalog.cardinality(k.conkey) - 1] @> k.conkey
               OR i.indisunique
                  AND i.indexprs IS NULL
                  AND (i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1] <@ k.conkey))
 ORDER BY n.nspname, c.relname, k.conname
