-- severity: warning
-- follows dev: yes
-- ignored: Who may create objects in any schema can act with the owner's rights.
-- fix: ALTER ROUTINE {routine} SET search_path = {schema}, pg_temp;
--
-- A SECURITY DEFINER function or procedure that takes the search_path of its caller, who can put functions and
-- tables of his own in the place of those meant.
SELECT p.oid::pg_catalog.regprocedure::pg_catalog.text AS object,
       'It runs with its owner''s rights and its caller''s search_path.' AS message,
       p.oid::pg_catalog.regprocedure::pg_catalog.text AS routine,
       pg_catalog.quote_ident(n.nspname) AS schema
  FROM pg_catalog.pg_proc AS p
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal')
 WHERE p.prosecdef
   AND p.oid >= 16384  -- the first number a user's object can have
   AND p.prosqlbody IS NULL  -- a body in standard SQL was bound when it was created
   AND NOT EXISTS (SELECT FROM pg_catalog.unnest(p.proconfig) AS c(setting)
                    WHERE c.setting LIKE 'search_path=%')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                      AND d.objid = p.oid
                      AND d.deptype = 'e')
 ORDER BY object
