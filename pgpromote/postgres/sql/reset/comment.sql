-- The schema's comment, when it has one. A new schema has none.
SELECT pg_catalog.format('COMMENT ON SCHEMA %%I IS %%L', n.nspname, d.description) AS sql,
       'the same comment as before' AS why
  FROM pg_catalog.pg_namespace AS n
 CROSS JOIN LATERAL pg_catalog.obj_description(n.oid, 'pg_namespace') AS d (description)
 WHERE n.nspname = %(schema)s
   AND d.description IS NOT NULL
