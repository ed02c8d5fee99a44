-- By what our role, or a role that it may act as, rules the server: roles, the strongest first.
SELECT r.rolname::pg_catalog.text
  FROM pg_catalog.pg_roles AS r
 WHERE (r.rolsuper
        OR r.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files'))
   AND pg_catalog.pg_has_role(r.oid, 'MEMBER')
   AND (r.rolname = CURRENT_USER
        OR NOT (SELECT o.rolsuper FROM pg_catalog.pg_roles AS o WHERE o.rolname = CURRENT_USER))
 ORDER BY r.rolname <> CURRENT_USER, NOT r.rolsuper, r.rolname
