-- Tables with row security switched on, in the shape of access.RowSecured.
SELECT n.nspname::pg_catalog.text AS schema,
       c.relname::pg_catalog.text AS name,
       c.relforcerowsecurity AS forced,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_policy AS p
         WHERE p.polrelid = c.oid AND NOT p.polpermissive) AS restrictive,
       pg_catalog.row_security_active(c.oid) AS active
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relrowsecurity
   AND c.relpersistence <> 't'
 ORDER BY n.nspname, c.relname
