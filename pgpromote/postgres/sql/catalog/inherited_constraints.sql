-- Keys of partitioned tables that the restore replaces. pg_restore --clean drops each partition's own copy
-- first, which the server refuses ("cannot drop inherited constraint"), so the parent's goes before it.
-- Parameters: kinds, schemas and names of the archive's entries, as three parallel lists.
SELECT pg_catalog.format('ALTER TABLE %%I.%%I DROP CONSTRAINT %%I CASCADE', n.nspname, c.relname, k.conname) AS sql,
       'pg_restore --clean cannot drop the copies of a partitioned table''s key' AS why
  FROM ROWS FROM (
           pg_catalog.unnest(%(kinds)s::text[]),
           pg_catalog.unnest(%(schemas)s::text[]),
           pg_catalog.unnest(%(names)s::text[])
       ) AS wanted (kind, schema, name)
  JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema
  JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.name AND c.relkind = 'p'
  JOIN pg_catalog.pg_constraint AS k ON k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x') AND k.conparentid = 0
 WHERE wanted.kind = 'TABLE'
 ORDER BY n.nspname, c.relname, k.conname
