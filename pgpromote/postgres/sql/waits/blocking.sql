-- Holders of the locks for which sessions of a promotion wait: relation, session, state, start of the
-- transaction. Of another role's session a role with few rights sees the name alone; a prepared transaction has
-- none. The text stays the same for as long as the wait lasts.
SELECT DISTINCT
       coalesce(pg_catalog.format('%%I.%%I', n.nspname, c.relname), l.locktype) AS relation,
       coalesce(nullif(a.application_name, ''), a.backend_type,
                CASE blocking.pid WHEN 0 THEN 'a prepared transaction' ELSE 'a session' END) AS application,
       blocking.pid,
       a.usename::text AS who,
       coalesce(a.state, a.backend_type) AS state,
       'since ' || pg_catalog.to_char(a.xact_start AT TIME ZONE 'UTC', 'HH24:MI:SS "UTC"') AS since
  FROM pg_catalog.pg_stat_activity AS waiting
 CROSS JOIN pg_catalog.unnest(pg_catalog.pg_blocking_pids(waiting.pid)) AS blocking (pid)
  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = blocking.pid
  LEFT JOIN pg_catalog.pg_locks AS l ON l.pid = waiting.pid AND NOT l.granted
  LEFT JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE waiting.application_name = %(application)s
   AND waiting.wait_event_type = 'Lock'
   AND a.application_name IS DISTINCT FROM %(application)s
 ORDER BY blocking.pid, relation
 LIMIT 5
