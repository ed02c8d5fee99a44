-- severity: info
-- follows dev: yes
-- ignored: It costs time at every write and space, and serves nothing.
-- fix: DROP INDEX {concurrently}{index};
--
-- An index that another one makes superfluous: same table, columns, order, operators and condition. One behind a
-- constraint is never named, its double is.
WITH doubles AS (
    -- Of several the oldest is named.
    SELECT DISTINCT ON (d.indexrelid) d.indexrelid AS oid, x.indexrelid AS other
      FROM pg_catalog.pg_index AS d
      JOIN pg_catalog.pg_index AS x
        ON x.indrelid = d.indrelid
       AND x.indexrelid <> d.indexrelid
       AND (x.indkey, x.indclass, x.indcollation, x.indoption, x.indnkeyatts)
         = (d.indkey, d.indclass, d.indcollation, d.indoption, d.indnkeyatts)
     CROSS JOIN LATERAL (
           SELECT x.indexrelid IN (SELECT k.conindid FROM pg_catalog.pg_constraint AS k)) AS o(needed)
     WHERE LEAST(d.indexrelid, x.indexrelid) >= 16384  -- the first number a user's object can have
       AND d.indisvalid
       AND x.indisvalid
       AND NOT d.indisreplident
       AND d.indexrelid NOT IN (SELECT k.conindid FROM pg_catalog.pg_constraint AS k)
       AND pg_catalog.pg_get_expr(x.indexprs, x.indrelid)
           IS NOT DISTINCT FROM pg_catalog.pg_get_expr(d.indexprs, d.indrelid)
       AND pg_catalog.pg_get_expr(x.indpred, x.indrelid)
           IS NOT DISTINCT FROM pg_catalog.pg_get_expr(d.indpred, d.indrelid)
       AND CASE WHEN d.indisunique
                THEN x.indisunique AND x.indimmediate = d.indimmediate
                     AND x.indnullsnotdistinct = d.indnullsnotdistinct
                     AND (o.needed OR x.indexrelid < d.indexrelid)
                ELSE x.indisunique OR o.needed OR x.indexrelid < d.indexrelid
            END
     ORDER BY d.indexrelid, x.indexrelid
)
SELECT o.name AS object,
       pg_catalog.format('%I.%I does the same.', m.nspname, x.relname) AS message,
       CASE WHEN c.relkind = 'I' THEN '' ELSE 'CONCURRENTLY ' END AS concurrently,
       o.name AS index,
       pg_catalog.format('%I.%I', b.nspname, t.relname) AS "table"
  FROM doubles AS d
  JOIN pg_catalog.pg_class AS c ON c.oid = d.oid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_index AS i ON i.indexrelid = d.oid
  JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
  JOIN pg_catalog.pg_namespace AS b ON b.oid = t.relnamespace
  JOIN pg_catalog.pg_class AS x ON x.oid = d.other
  JOIN pg_catalog.pg_namespace AS m ON m.oid = x.relnamespace
 CROSS JOIN LATERAL (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)) AS o(name)
 WHERE c.relpersistence <> 't'
   AND NOT c.relispartition
 ORDER BY n.nspname, c.relname
