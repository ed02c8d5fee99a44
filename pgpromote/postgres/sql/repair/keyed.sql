-- Tables whose key is one integer column, beside those that partitioning demands; in the shape of shared_keys.Table.
WITH RECURSIVE integers AS (
    SELECT t.oid
      FROM pg_catalog.pg_type AS t
     WHERE t.oid IN ('pg_catalog.int2'::pg_catalog.regtype, 'pg_catalog.int4'::pg_catalog.regtype,
                     'pg_catalog.int8'::pg_catalog.regtype)
     UNION ALL
    SELECT d.oid
      FROM integers AS i
      JOIN pg_catalog.pg_type AS d ON d.typbasetype = i.oid
), referring AS (
    SELECT DISTINCT k.conrelid, a.attnum
      FROM pg_catalog.pg_constraint AS k
     CROSS JOIN LATERAL pg_catalog.unnest(k.conkey) AS a (attnum)
     WHERE k.contype = 'f'
)
SELECT c.oid::pg_catalog.int8 AS oid,
       n.nspname::pg_catalog.text AS schema,
       c.relname::pg_catalog.text AS name,
       a.attname::pg_catalog.text AS "column",
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS target,
       pg_catalog.quote_ident(a.attname) AS key,
       c.reltuples::pg_catalog.int8 AS estimate,
       pg_catalog.cardinality(k.conkey) = 1
       AND f.attnum IS NULL
       AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
       AND NOT pg_catalog.row_security_active(c.oid) AS owns
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_partitioned_table AS p ON p.partrelid = c.oid
 CROSS JOIN LATERAL (
       SELECT ARRAY(SELECT m FROM pg_catalog.unnest(k.conkey) AS m
                     WHERE pg_catalog.cardinality(k.conkey) = 1
                        OR p.partattrs IS NULL
                        OR m <> ALL (p.partattrs::pg_catalog.int2[]))) AS o (own)
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = o.own[1]
  JOIN integers AS i ON i.oid = a.atttypid
  LEFT JOIN referring AS f ON f.conrelid = c.oid AND f.attnum = a.attnum
 WHERE k.contype = 'p'
   AND pg_catalog.cardinality(o.own) = 1
   AND c.oid >= 16384  -- the first number a user's object can have
   AND NOT c.relispartition
   AND c.relpersistence <> 't'
 ORDER BY n.nspname, c.relname
