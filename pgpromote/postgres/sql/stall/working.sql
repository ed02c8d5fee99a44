-- What the sessions of one promotion work on, other than this one. A session that waits for its client works
-- only as long as more comes through: a copy tells how much has.
SELECT a.pid,
       coalesce(a.wait_event_type = 'Client', false) AS waits_for_client,
       a.query_start::text AS since,
       coalesce(c.bytes_processed, 0) AS bytes
  FROM pg_catalog.pg_stat_activity AS a
  LEFT JOIN pg_catalog.pg_stat_progress_copy AS c ON c.pid = a.pid
 WHERE a.application_name = %(application)s
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND a.state IN ('active', 'fastpath function call')
 ORDER BY a.pid
