-- Extensions that are installed or could be. Trusted ones can be created without superuser rights.
SELECT coalesce(a.name, e.extname)::text AS name,
       e.extversion AS version,
       n.nspname::text AS schema,
       a.default_version,
       coalesce(v.trusted, false) AS trusted
  FROM pg_catalog.pg_available_extensions AS a
  FULL JOIN pg_catalog.pg_extension AS e ON e.extname = a.name
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
  LEFT JOIN pg_catalog.pg_available_extension_versions AS v
    ON v.name = a.name AND v.version = a.default_version
 ORDER BY 1
