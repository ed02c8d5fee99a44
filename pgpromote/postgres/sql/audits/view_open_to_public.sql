-- severity: warning
-- follows dev: yes
-- ignored: Everybody reads its tables with the superuser's rights, past grants and row security.
-- fix: REVOKE SELECT ON {view} FROM PUBLIC;
--
-- A view that a superuser owns and everybody may read. Let another role own it, or make it `security_invoker`.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       pg_catalog.format('Everybody may read it, and it reads as the superuser %I.', r.rolname) AS message,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS view
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner AND r.rolsuper
 WHERE c.relkind = 'v'
   AND c.oid >= 16384  -- the first number a user's object can have
   AND EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) AS a
                WHERE a.grantee = 0 AND a.privilege_type = 'SELECT')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_options_to_table(c.reloptions) AS o
                    WHERE o.option_name = 'security_invoker'
                      AND o.option_value::pg_catalog.bool)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                      AND d.objid = c.oid
                      AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname
