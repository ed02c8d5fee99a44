-- Tables and schemas that the restore replaces and that a publication of prod names: the membership goes with them.
-- Parameters: kinds, schemas and names of the archive's entries, as three parallel lists.
WITH wanted (kind, schema, name) AS (
    SELECT entry.kind, entry.schema, entry.name
      FROM ROWS FROM (
               pg_catalog.unnest(%(kinds)s::text[]),
               pg_catalog.unnest(%(schemas)s::text[]),
               pg_catalog.unnest(%(names)s::text[])
           ) AS entry (kind, schema, name)
)
SELECT pg_catalog.format('%%I', p.pubname) AS publication,
       pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS what,
       pg_catalog.format('TABLE %%I.%%I', n.nspname, c.relname) AS member
  FROM pg_catalog.pg_publication_rel AS r
  JOIN pg_catalog.pg_publication AS p ON p.oid = r.prpubid
  JOIN pg_catalog.pg_class AS c ON c.oid = r.prrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN wanted AS w ON w.kind = 'TABLE' AND w.schema = n.nspname AND w.name = c.relname
 WHERE NOT EXISTS (
       SELECT FROM wanted AS brought
        WHERE brought.kind = 'PUBLICATION TABLE' AND brought.schema = n.nspname
          AND brought.name = p.pubname || ' ' || c.relname)
 UNION ALL
SELECT pg_catalog.format('%%I', p.pubname),
       pg_catalog.format('the tables of the schema %%I', n.nspname),
       pg_catalog.format('TABLES IN SCHEMA %%I', n.nspname)
  FROM pg_catalog.pg_publication_namespace AS m
  JOIN pg_catalog.pg_publication AS p ON p.oid = m.pnpubid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = m.pnnspid
  JOIN wanted AS w ON w.kind = 'SCHEMA' AND w.name = n.nspname AND n.nspname <> 'public'
 WHERE NOT EXISTS (
       SELECT FROM wanted AS brought
        WHERE brought.kind = 'PUBLICATION TABLES IN SCHEMA' AND brought.name = p.pubname || ' ' || n.nspname)
 ORDER BY 1, 2
