-- severity: warning
-- follows dev: yes
-- ignored: Whoever can connect runs its body as superuser.
-- fix: REVOKE EXECUTE ON ROUTINE {routine} FROM PUBLIC;
--
-- A SECURITY DEFINER function or procedure that a superuser owns and everybody may call. A restore without owners
-- and grants makes one out of a harmless function.
SELECT p.oid::pg_catalog.regprocedure::pg_catalog.text AS object,
       pg_catalog.format('Everybody may call it, and it runs as the superuser %I.', r.rolname) AS message,
       p.oid::pg_catalog.regprocedure::pg_catalog.text AS routine
  FROM pg_catalog.pg_proc AS p
  JOIN pg_catalog.pg_roles AS r ON r.oid = p.proowner AND r.rolsuper
 WHERE p.prosecdef
   AND p.oid >= 16384  -- the first number a user's object can have
   -- Nobody can call these but the server.
   AND p.prorettype NOT IN ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype)
   AND EXISTS (SELECT FROM pg_catalog.aclexplode(
                          coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
                WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                      AND d.objid = p.oid
                      AND d.deptype = 'e')
 ORDER BY object
