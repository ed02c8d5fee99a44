-- Bound what the server does for this session, and how long it waits for us inside a transaction: a frozen
-- client must not keep prod locked. A cut-over that we report must also survive a crash of the server.
SELECT pg_catalog.set_config('statement_timeout', %(ms)s::text, false),
       pg_catalog.set_config('idle_in_transaction_session_timeout', %(ms)s::text, false),
       pg_catalog.set_config('synchronous_commit', CASE s.setting WHEN 'off' THEN 'local' ELSE s.setting END, false)
  FROM (VALUES (pg_catalog.current_setting('synchronous_commit'))) AS s (setting)
