-- Holders of ACCESS EXCLUSIVE locks in this database: relation, session, state, age of the transaction.
SELECT l.relation::pg_catalog.regclass::text AS relation,
       coalesce(nullif(a.application_name, ''), a.backend_type) AS application,
       a.pid,
       a.usename::text AS who,
       coalesce(a.state, a.backend_type) AS state,
       'for ' || pg_catalog.age(pg_catalog.clock_timestamp(), a.xact_start)::interval(0)::text AS since
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
 WHERE l.granted
   AND l.mode = 'AccessExclusiveLock'
   AND l.locktype = 'relation'
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
   AND l.pid <> pg_catalog.pg_backend_pid()
 ORDER BY a.xact_start, l.relation
 LIMIT 5
