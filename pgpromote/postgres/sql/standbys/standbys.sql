-- Standbys that are attached to this server. What they do is hidden from a role without pg_read_all_stats.
-- Who receives changes of one database is no standby, nor is a base backup, nor who only keeps the log.
SELECT coalesce(nullif(r.application_name, ''), 'pid ' || r.pid) AS name,
       coalesce(pg_catalog.host(r.client_addr), '') AS address,
       r.state IS NOT NULL AS seen
  FROM pg_catalog.pg_stat_replication AS r
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = r.pid
 WHERE a.datid IS NULL
   AND r.state IS DISTINCT FROM 'backup'
   AND coalesce(r.application_name, '') NOT IN ('pg_basebackup', 'pg_receivewal')
 ORDER BY 1, 2, r.pid
