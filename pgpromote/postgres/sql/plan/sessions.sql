-- Who is connected to this database, without pgpromote's own sessions, and how many our role may not end.
SELECT coalesce(a.application_name, '') AS application,
       a.usename::text AS "user",
       pg_catalog.count(*) AS count,
       pg_catalog.count(*) FILTER (
           WHERE NOT us.rolsuper
             AND (coalesce(r.rolsuper, true)
                  OR NOT (pg_catalog.pg_has_role(us.oid, a.usesysid, 'USAGE')
                          OR pg_catalog.pg_has_role(us.oid, 'pg_signal_backend', 'USAGE')))) AS lasting
  FROM pg_catalog.pg_stat_activity AS a
  JOIN pg_catalog.pg_roles AS us ON us.rolname = CURRENT_USER
  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid
 WHERE a.datname = pg_catalog.current_database()
   AND a.usename IS NOT NULL
   AND a.backend_type IS DISTINCT FROM 'parallel worker'
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND a.application_name <> %(application)s
   AND NOT pg_catalog.starts_with(a.application_name, %(application)s || ':')
 GROUP BY a.application_name, a.usename
 ORDER BY 3 DESC, 1, 2
