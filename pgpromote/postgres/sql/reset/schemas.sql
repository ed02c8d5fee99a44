-- The schemas that can be reset: not those of the server itself.
SELECT n.nspname::text
  FROM pg_catalog.pg_namespace AS n
 WHERE n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema'
 ORDER BY n.nspname
