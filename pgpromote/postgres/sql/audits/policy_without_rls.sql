-- severity: warning
-- follows dev: yes
-- ignored: Everyone with a grant on the table sees all rows.
-- fix: ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
--
-- A table has policies and row level security is off: who reads the policies believes that rows are hidden.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       pg_catalog.format('%s policies are there and none is in force: row level security is off.',
                         pg_catalog.count(*)) AS message,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table"
  FROM pg_catalog.pg_policy AS p
  JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid AND NOT c.relrowsecurity
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 GROUP BY n.nspname, c.relname
 ORDER BY n.nspname, c.relname
