-- severity: info
-- follows dev: yes
-- ignored: Their code runs with all rights, and the application's role cannot change them.
--
-- Objects in a schema that belong to a superuser, views and SECURITY DEFINER functions among them. A restore without
-- owners makes everything so. The functions that make a value of a range type are the first superuser's on every
-- server, and count as parts of their type; so does the sequence of an identity.
SELECT pg_catalog.quote_ident(n.nspname) AS object,
       pg_catalog.format('%s of its objects belong to the superuser %I.', pg_catalog.count(*), r.rolname) AS message
  FROM (SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, c.relnamespace, c.relowner
          FROM pg_catalog.pg_class AS c
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
         UNION ALL
        SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, p.pronamespace, p.proowner
          FROM pg_catalog.pg_proc AS p
       ) AS o(class, oid, namespace, owner)
  JOIN pg_catalog.pg_namespace AS n ON n.oid = o.namespace
  JOIN pg_catalog.pg_roles AS r ON r.oid = o.owner AND r.rolsuper
 WHERE o.oid >= 16384  -- the first number a user's object can have
   AND (o.class, o.oid) NOT IN (
       SELECT d.classid, d.objid
         FROM pg_catalog.pg_depend AS d
        WHERE d.deptype IN ('e', 'i'))  -- an extension's; made by the server with another
 GROUP BY n.nspname, r.rolname
 ORDER BY n.nspname, r.rolname
