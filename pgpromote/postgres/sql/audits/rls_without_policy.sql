-- severity: warning
-- follows dev: yes
-- ignored: All but the owner see an empty table, and cannot write to it.
-- fix: CREATE POLICY ... ON {table} ...;
--
-- Row level security is on and no policy is there. It is what remains when a policy could not be created because its
-- role was missing.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       'Row level security is on, and there is no policy: everything is denied.' AS message,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table"
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p')
   AND c.relrowsecurity
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid)
 ORDER BY n.nspname, c.relname
