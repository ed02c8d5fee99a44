-- The schema's security labels.
SELECT pg_catalog.format('SECURITY LABEL FOR %%I ON SCHEMA %%I IS %%L', l.provider, n.nspname, l.label) AS sql,
       'the same security label as before' AS why
  FROM pg_catalog.pg_namespace AS n
  JOIN pg_catalog.pg_seclabel AS l ON l.classoid = n.tableoid AND l.objoid = n.oid AND l.objsubid = 0
 WHERE n.nspname = %(schema)s
 ORDER BY l.provider
