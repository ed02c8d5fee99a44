-- End the sessions of the role "builder" in this database, and wait some seconds for each to be gone.
SELECT pg_catalog.pg_terminate_backend(a.pid, 10000)
  FROM pg_catalog.pg_stat_activity AS a
 WHERE a.datname = pg_catalog.current_database() AND a.usename = %(builder)s
