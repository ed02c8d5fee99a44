-- Triggers of partitions that are not in the same state as the trigger they come from. An archive has an entry
-- of its own for such a trigger, if dev had it so. `root` is the trigger of the topmost table.
SELECT n.nspname::text AS schema,
       c.relname || ' ' || g.tgname AS name,
       rn.nspname::text AS root_schema,
       r.relname || ' ' || g.tgname AS root
  FROM pg_catalog.pg_trigger AS g
  JOIN pg_catalog.pg_trigger AS p ON p.oid = g.tgparentid AND p.tgenabled <> g.tgenabled
  JOIN pg_catalog.pg_class AS c ON c.oid = g.tgrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class AS r ON r.oid = pg_catalog.pg_partition_root(g.tgrelid)
  JOIN pg_catalog.pg_namespace AS rn ON rn.oid = r.relnamespace
 WHERE NOT g.tgisinternal
 ORDER BY 1, 2
