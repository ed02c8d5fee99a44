-- Objects of prod that the restore would replace, with their owners.
-- Parameters: kinds, schemas and names of the archive's entries, as three parallel lists.
WITH wanted (kind, schema, name) AS (
    SELECT entry.kind, entry.schema, entry.name
      FROM ROWS FROM (
               pg_catalog.unnest(%(kinds)s::text[]),
               pg_catalog.unnest(%(schemas)s::text[]),
               pg_catalog.unnest(%(names)s::text[])
           ) AS entry (kind, schema, name)
), object (identity, owner) AS (
    SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname), c.relowner
      FROM wanted AS w
      JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
      JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
     WHERE w.kind IN ('TABLE', 'FOREIGN TABLE', 'VIEW', 'MATERIALIZED VIEW', 'SEQUENCE')
    UNION ALL
    SELECT pg_catalog.format('schema %%I', n.nspname), n.nspowner
      FROM wanted AS w
      JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.name AND n.nspname <> 'public'
     WHERE w.kind = 'SCHEMA'
)
SELECT o.identity, r.rolname::text AS owner, pg_catalog.pg_has_role(r.oid, 'USAGE') AS ours
  FROM object AS o
  JOIN pg_catalog.pg_roles AS r ON r.oid = o.owner
 ORDER BY o.identity
