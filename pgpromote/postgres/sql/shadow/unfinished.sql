-- Databases whose creation was cut short before they were marked. Nobody has been able to connect to them.
SELECT d.datname::text AS name
  FROM pg_catalog.pg_database AS d
 WHERE NOT d.datallowconn
   AND d.datconnlimit = %(limit)s
   AND pg_catalog.shobj_description(d.oid, 'pg_database') IS NULL
   AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
 ORDER BY d.datname
