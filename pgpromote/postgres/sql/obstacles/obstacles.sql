-- What forbids to rename the databases, stays behind with the outgoing one, or cannot be carried over from it.
-- `incoming` is null as long as there is none. After the time `left` nobody is about to end a prepared transaction.
SELECT CASE WHEN p.prepared < pg_catalog.now() - %(left)s THEN 'swap_left_transaction'
            ELSE 'swap_prepared_transaction'
       END AS rule,
       p.gid::text AS object,
       p.database::text AS "where"
  FROM pg_catalog.pg_prepared_xacts AS p
  JOIN pg_catalog.pg_database AS d ON d.datname = p.database
 WHERE d.oid IN (%(outgoing)s::oid, %(incoming)s::oid)
 UNION ALL
SELECT 'swap_replication_slot', s.slot_name::text, s.database::text
  FROM pg_catalog.pg_replication_slots AS s
 WHERE s.datoid = %(outgoing)s
 UNION ALL
SELECT 'swap_subscription', s.subname::text, d.datname::text
  FROM pg_catalog.pg_subscription AS s
  JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid
 WHERE s.subdbid = %(outgoing)s
 UNION ALL
SELECT 'swap_session' || CASE WHEN coalesce(r.rolsuper, true) THEN '_of_superuser' ELSE '' END,
       'pid ' || a.pid || ' of ' || coalesce(r.rolname, 'a dropped role'), a.datname::text
  FROM pg_catalog.pg_stat_activity AS a
  JOIN pg_catalog.pg_roles AS us ON us.rolname = CURRENT_USER
  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid
 WHERE a.datid IN (%(outgoing)s::oid, %(incoming)s::oid)
   AND a.usesysid IS NOT NULL
   AND NOT us.rolsuper
   AND (coalesce(r.rolsuper, true)
        OR NOT (pg_catalog.pg_has_role(us.oid, a.usesysid, 'USAGE')
                OR pg_catalog.pg_has_role(us.oid, 'pg_signal_backend', 'USAGE')))
 UNION ALL
-- A setting may be given to a database by everyone, by whom a superuser allows it, or, unknown here, as the latter.
SELECT 'swap_setting', c.name, d.datname::text
  FROM pg_catalog.pg_db_role_setting AS s
  JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
 CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS e (entry)
 CROSS JOIN LATERAL pg_catalog.split_part(e.entry, '=', 1) AS c (name)
  LEFT JOIN pg_catalog.pg_settings AS g ON pg_catalog.lower(g.name) = pg_catalog.lower(c.name)
 WHERE d.oid = %(outgoing)s
   AND coalesce(g.context NOT IN ('user', 'backend'), true)
   AND NOT pg_catalog.has_parameter_privilege(c.name, 'SET')
 UNION ALL
SELECT 'swap_role_setting', r.rolname::text, d.datname::text
  FROM pg_catalog.pg_db_role_setting AS s
  JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
  JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
  JOIN pg_catalog.pg_roles AS us ON us.rolname = CURRENT_USER
 WHERE d.oid = %(outgoing)s
   AND r.oid <> us.oid
   AND NOT us.rolsuper
   AND (r.rolsuper
        OR NOT (us.rolcreaterole AND pg_catalog.pg_has_role(us.oid, r.oid, 'MEMBER WITH ADMIN OPTION')))
 ORDER BY 1, 2, 3
