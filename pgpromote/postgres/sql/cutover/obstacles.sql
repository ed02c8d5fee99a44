-- What forbids to rename the two databases, or stays behind with the outgoing one.
SELECT 'swap_prepared_transaction' AS rule, p.gid::text AS object, p.database::text AS "where"
  FROM pg_catalog.pg_prepared_xacts AS p
  JOIN pg_catalog.pg_database AS d ON d.datname = p.database
 WHERE d.oid IN (%(outgoing)s, %(incoming)s)
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
SELECT 'swap_session', 'pid ' || a.pid || ' of ' || coalesce(r.rolname, 'a dropped role'), a.datname::text
  FROM pg_catalog.pg_stat_activity AS a
  JOIN pg_catalog.pg_roles AS us ON us.rolname = CURRENT_USER
  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid
 WHERE a.datid IN (%(outgoing)s, %(incoming)s)
   AND a.usesysid IS NOT NULL
   AND NOT us.rolsuper
   AND (coalesce(r.rolsuper, true)
        OR NOT (pg_catalog.pg_has_role(us.oid, a.usesysid, 'USAGE')
                OR pg_catalog.pg_has_role(us.oid, 'pg_signal_backend', 'USAGE')))
 ORDER BY 1, 2
