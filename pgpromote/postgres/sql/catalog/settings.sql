-- What this database sets for all of its sessions, and for those of one role.
SELECT coalesce(r.rolname::text, '') AS role,
       pg_catalog.lower(pg_catalog.split_part(setting, '=', 1)) AS name
  FROM pg_catalog.pg_db_role_setting AS s
  JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
 CROSS JOIN pg_catalog.unnest(s.setconfig) AS setting
 WHERE d.datname = pg_catalog.current_database()
