-- Partitions that hold rows themselves, each with the root of its tree.
SELECT n.nspname::text AS schema,
       c.relname::text AS name,
       rn.nspname::text AS root_schema,
       r.relname::text AS root_name
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class AS r ON r.oid = pg_catalog.pg_partition_root(c.oid)
  JOIN pg_catalog.pg_namespace AS rn ON rn.oid = r.relnamespace
 WHERE c.relispartition
   AND c.relkind = 'r'
