-- severity: info
-- follows dev: yes
-- fix: DROP INDEX {concurrently}{index};
--
-- An index that another one makes superfluous: same table, columns, order, operators and condition. It costs time
-- at every write and space, and serves nothing. One behind a constraint is never named, its double is.
WITH indexes AS (
    SELECT i.*, n.nspname, c.relname, c.relkind, c.relam, c.relispartition,
           coalesce(pg_catalog.pg_get_expr(i.indexprs, i.indrelid), '') AS expressions,
           coalesce(pg_catalog.pg_get_expr(i.indpred, i.indrelid), '') AS condition,
           EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = i.indexrelid) AS needed
      FROM pg_catalog.pg_index AS i
      JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.oid >= 16384  -- the first number a user's object can have
       AND c.relpersistence <> 't'
       AND i.indisvalid
), doubles AS (
    -- Of several the oldest is named.
    SELECT DISTINCT ON (d.indexrelid)
           d.nspname, d.relname, d.relkind,
           pg_catalog.format('%I.%I', x.nspname, x.relname) AS other
      FROM indexes AS d
      JOIN indexes AS x
        ON x.indrelid = d.indrelid
       AND x.indexrelid <> d.indexrelid
       AND (x.indkey, x.indclass, x.indcollation, x.indoption, x.indnkeyatts, x.relam)
         = (d.indkey, d.indclass, d.indcollation, d.indoption, d.indnkeyatts, d.relam)
       AND (x.expressions, x.condition) = (d.expressions, d.condition)
       AND CASE WHEN d.indisunique
                THEN x.indisunique AND x.indimmediate = d.indimmediate
                     AND x.indnullsnotdistinct = d.indnullsnotdistinct
                     AND (x.needed OR x.indexrelid < d.indexrelid)
                ELSE x.indisunique OR x.needed OR x.indexrelid < d.indexrelid
            END
     WHERE NOT (d.needed OR d.indisreplident OR d.relispartition)
     ORDER BY d.indexrelid, x.indexrelid
)
SELECT pg_catalog.format('%I.%I', d.nspname, d.relname) AS object,
       d.other || ' does the same.' AS message,
       CASE WHEN d.relkind = 'I' THEN '' ELSE 'CONCURRENTLY ' END AS concurrently,
       pg_catalog.format('%I.%I', d.nspname, d.relname) AS index
  FROM doubles AS d
 ORDER BY d.nspname, d.relname
