-- End the sessions in a database that our role may end. Autovacuum is ended by DROP DATABASE itself.
SELECT pg_catalog.pg_terminate_backend(a.pid)
  FROM pg_catalog.pg_stat_activity AS a
  LEFT JOIN pg_catalog.pg_roles AS whose ON whose.oid = a.usesysid
 WHERE a.datid = %(database)s
   AND a.backend_type = 'client backend'
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND (pg_catalog.pg_has_role(a.usesysid, 'USAGE')
        OR (NOT whose.rolsuper AND pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')))
