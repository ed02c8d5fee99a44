-- Sessions of other promotions that have written in this database and have not ended their transaction.
SELECT a.pid, a.application_name AS name
  FROM pg_catalog.pg_stat_activity AS a
 WHERE a.datname = pg_catalog.current_database()
   AND pg_catalog.starts_with(a.application_name, %(sign)s)
   AND a.application_name <> pg_catalog.current_setting('application_name')
   AND a.backend_xid IS NOT NULL
 ORDER BY a.pid
