-- The tables that have row security switched on, with their policies; where it is off, a policy hides nothing.
-- Conditions are qualified because our search path holds pg_catalog only.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
       c.relforcerowsecurity AS forced,
       COALESCE(own.policies, '[]') AS policies
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                   'name', p.polname,
                   'permissive', p.polpermissive,
                   'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                                            WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                   'roles', ARRAY (
                       SELECT CASE x.role WHEN 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(x.role) END
                         FROM pg_catalog.unnest(p.polroles) AS x (role)
                        ORDER BY 1),
                   'using', COALESCE(pg_catalog.pg_get_expr(p.polqual, p.polrelid), ''),
                   'check', COALESCE(pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), ''))
                 ORDER BY p.polname) AS policies
          FROM pg_catalog.pg_policy AS p
         WHERE p.polrelid = c.oid
       ) AS own
 WHERE c.relrowsecurity
   AND n.nspname !~ '^pg_(toast$|temp_|toast_temp_)'
 ORDER BY n.nspname, c.relname
