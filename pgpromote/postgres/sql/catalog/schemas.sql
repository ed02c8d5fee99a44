-- Schemas of prod and whether our role may create in them.
SELECT n.nspname::text AS name,
       pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS creatable
  FROM pg_catalog.pg_namespace AS n
 WHERE n.nspname NOT LIKE 'pg\_%'
   AND n.nspname <> 'information_schema'
 ORDER BY n.nspname
