-- What the databases hold and who uses them. A size is shown only to those who may connect.
SELECT d.oid::bigint AS oid,
       CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
            THEN pg_catalog.pg_database_size(d.oid)
       END AS size,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a WHERE a.datid = d.oid AND a.usesysid IS NOT NULL) AS sessions,
       ARRAY(SELECT s.slot_name::text FROM pg_catalog.pg_replication_slots AS s WHERE s.datoid = d.oid ORDER BY s.slot_name) AS slots,
       ARRAY(SELECT s.subname::text FROM pg_catalog.pg_subscription AS s WHERE s.subdbid = d.oid ORDER BY s.subname) AS subscriptions,
       ARRAY(SELECT p.gid::text FROM pg_catalog.pg_prepared_xacts AS p WHERE p.database = d.datname ORDER BY p.gid) AS prepared,
       pg_catalog.clock_timestamp() AS now
  FROM pg_catalog.pg_database AS d
 WHERE d.oid = ANY (%(oids)s)
 ORDER BY d.oid
