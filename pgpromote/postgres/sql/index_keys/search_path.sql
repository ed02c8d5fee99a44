-- The search_path that a role has in a database, whoever asks and from which database.
SELECT coalesce(
    (SELECT pg_catalog.substr(c.setting, pg_catalog.length('search_path=') + 1)
       FROM pg_catalog.pg_db_role_setting AS s
      CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
      WHERE c.setting LIKE 'search\_path=%%'
        AND s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = %(database)s))
        AND s.setrole IN (0, (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = %(role)s))
      ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC
      LIMIT 1),
    -- The server's own is seen only by who has no other.
    (SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_db_role_setting AS s
                               CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
                               WHERE c.setting LIKE 'search\_path=%%'
                                 AND s.setrole = (SELECT r.oid FROM pg_catalog.pg_roles AS r
                                                   WHERE r.rolname = SESSION_USER))
                 THEN p.boot_val ELSE p.reset_val END
       FROM pg_catalog.pg_settings AS p
      WHERE p.name = 'search_path'))
