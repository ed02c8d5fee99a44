-- The search path that this database was given for all roles.
SELECT pg_catalog.substr(c.setting, 13) AS path
  FROM pg_catalog.pg_db_role_setting AS s
  JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
 CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
 WHERE d.datname = pg_catalog.current_database()
   AND s.setrole = 0
   AND pg_catalog.left(c.setting, 12) = 'search_path='
