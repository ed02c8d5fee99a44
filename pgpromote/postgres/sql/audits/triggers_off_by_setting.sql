-- severity: warning
-- follows dev: no
-- ignored: Triggers do not fire and foreign keys are not checked, in every session it reaches.
-- fix: ALTER {who} RESET session_replication_role;
--
-- A setting that makes every session of a role or of this database a replica. It is meant for one load, and easily
-- left behind.
SELECT w.who AS object,
       'session_replication_role is replica: triggers and foreign keys do not work in its sessions.' AS message,
       w.who
  FROM pg_catalog.pg_db_role_setting AS s
  LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
 CROSS JOIN LATERAL (
       SELECT CASE WHEN s.setrole = 0 AND s.setdatabase = 0 THEN 'ROLE ALL'
                   WHEN s.setrole = 0 THEN pg_catalog.format('DATABASE %I', d.datname)
                   WHEN s.setdatabase = 0 THEN pg_catalog.format('ROLE %I', r.rolname)
                   ELSE pg_catalog.format('ROLE %I IN DATABASE %I', r.rolname, d.datname)
               END) AS w(who)
 WHERE (s.setdatabase = 0 OR d.datname = pg_catalog.current_database())
   AND EXISTS (SELECT FROM pg_catalog.unnest(s.setconfig) AS c(setting)
                WHERE pg_catalog.lower(c.setting) = 'session_replication_role=replica')
 ORDER BY w.who
