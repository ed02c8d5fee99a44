-- Whether this very session holds the advisory lock.
SELECT EXISTS (
    SELECT
      FROM pg_catalog.pg_locks AS l
      JOIN pg_catalog.pg_database AS d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
     WHERE l.pid = pg_catalog.pg_backend_pid()
       AND l.locktype = 'advisory'
       AND l.granted
       AND l.classid = %(class)s::oid
       AND l.objid = (pg_catalog.hashtext(%(name)s)::bigint & 4294967295)::oid
       AND l.objsubid = 2)
