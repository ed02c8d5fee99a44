-- severity: info
-- follows dev: yes
-- ignored: Who may change one may not change the next, and a migration stops half way.
--
-- A schema whose objects belong to different roles. It happens when objects were restored or created by hand under
-- another login. The functions that make a value of a range type are the first superuser's on every server, and count
-- as parts of their type; so does the sequence of an identity.
WITH owned AS (
    SELECT n.nspname, r.rolname, pg_catalog.count(*) AS objects
      FROM (SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, c.relnamespace, c.relowner
              FROM pg_catalog.pg_class AS c
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
             UNION ALL
            SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, p.pronamespace, p.proowner
              FROM pg_catalog.pg_proc AS p
           ) AS o(class, oid, namespace, owner)
      JOIN pg_catalog.pg_namespace AS n ON n.oid = o.namespace
      JOIN pg_catalog.pg_roles AS r ON r.oid = o.owner
     WHERE o.oid >= 16384  -- the first number a user's object can have
       AND (o.class, o.oid) NOT IN (
           SELECT d.classid, d.objid
             FROM pg_catalog.pg_depend AS d
            WHERE d.deptype IN ('e', 'i'))  -- an extension's; made by the server with another
     GROUP BY n.nspname, r.rolname
)
SELECT pg_catalog.quote_ident(o.nspname) AS object,
       pg_catalog.format('Its objects belong to %s.', pg_catalog.string_agg(
           pg_catalog.format('%I (%s)', o.rolname, o.objects), ', ' ORDER BY o.objects DESC, o.rolname)) AS message
  FROM owned AS o
 GROUP BY o.nspname
HAVING pg_catalog.count(*) > 1
 ORDER BY o.nspname
