-- Who holds the advisory lock.
SELECT a.pid,
       pg_catalog.concat_ws(', ', a.application_name, 'pid ' || a.pid, 'since ' || pg_catalog.date_trunc('second', a.backend_start))
         AS told
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
 WHERE l.locktype = 'advisory'
   AND l.granted
   AND l.classid = %(class)s::oid
   AND l.objid = (pg_catalog.hashtext(%(name)s)::bigint & 4294967295)::oid
   AND l.objsubid = 2
 ORDER BY a.pid
 LIMIT 1
