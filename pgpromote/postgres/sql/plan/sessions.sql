-- Who is connected to this database, without pgpromote's own sessions.
SELECT coalesce(a.application_name, '') AS application,
       a.usename::text AS "user",
       pg_catalog.count(*) AS count
  FROM pg_catalog.pg_stat_activity AS a
 WHERE a.datname = pg_catalog.current_database()
   AND a.usename IS NOT NULL
   AND a.backend_type IS DISTINCT FROM 'parallel worker'
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND a.application_name <> %(application)s
   AND NOT pg_catalog.starts_with(a.application_name, %(application)s || ':')
 GROUP BY a.application_name, a.usename
 ORDER BY 3 DESC, 1, 2
