-- Whether this database itself carries the setting; what a role or a session sets for itself does not count.
SELECT EXISTS (
       SELECT
         FROM pg_catalog.pg_db_role_setting AS s
         JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
        WHERE d.datname = pg_catalog.current_database()
          AND s.setrole = 0
          AND %(name)s || '=' || %(value)s = ANY (s.setconfig))
