-- The tables whose row security binds their owner, who is the session's role: the statement that frees it for as long
-- as it builds, and the one that binds it again.
SELECT pg_catalog.format('ALTER TABLE %I.%I NO FORCE ROW LEVEL SECURITY', n.nspname, c.relname) AS free,
       pg_catalog.format('ALTER TABLE %I.%I FORCE ROW LEVEL SECURITY', n.nspname, c.relname) AS bind
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner
 WHERE c.relforcerowsecurity AND r.rolname = CURRENT_USER
 ORDER BY 1
