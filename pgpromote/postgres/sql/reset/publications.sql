-- The publications of all tables in the schema. Only a superuser may add a schema to one.
SELECT p.pubname::text AS publication,
       r.rolsuper AS ours,
       pg_catalog.format('ALTER PUBLICATION %%I ADD TABLES IN SCHEMA %%I', p.pubname, n.nspname) AS sql
  FROM pg_catalog.pg_publication_namespace AS m
  JOIN pg_catalog.pg_publication AS p ON p.oid = m.pnpubid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = m.pnnspid
  JOIN pg_catalog.pg_roles AS r ON r.rolname = CURRENT_USER
 WHERE n.nspname = %(schema)s
 ORDER BY p.pubname
