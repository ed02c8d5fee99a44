-- severity: warning
-- follows dev: no
-- ignored: Prod reads from dev, or writes into it, and stops when dev does.
--
-- Something that names the server or the database of dev: a foreign server, user mapping, subscription, foreign table,
-- function, view, column default or setting. Judged by the text: the name of a host as a word, unless with another port
-- than dev's; that of a host which prod has, too, only with dev's port; the name of a database where a connection is
-- described.
WITH extension_members AS (
    SELECT d.classid, d.objid FROM pg_catalog.pg_depend AS d WHERE d.deptype = 'e'
), sources (object, text, hidden) AS (
    SELECT 'foreign server ' || pg_catalog.quote_ident(s.srvname), pg_catalog.array_to_string(s.srvoptions, ' '), false
      FROM pg_catalog.pg_foreign_server AS s
     UNION ALL
    SELECT 'user mapping of ' || pg_catalog.quote_ident(u.usename) || ' on ' || pg_catalog.quote_ident(u.srvname),
           pg_catalog.array_to_string(u.umoptions, ' '),
           -- The view shows nothing both where there are no options and where they are hidden from us.
           u.umoptions IS NULL AND NOT pg_catalog.pg_has_role(s.srvowner, 'USAGE')
      FROM pg_catalog.pg_user_mappings AS u
      JOIN pg_catalog.pg_foreign_server AS s ON s.oid = u.srvid
     UNION ALL
    SELECT CASE c.relkind WHEN 'f' THEN 'foreign table ' ELSE 'view ' END
               || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
           coalesce(pg_catalog.array_to_string(f.ftoptions, ' '), pg_catalog.pg_get_viewdef(c.oid)),
           false
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_foreign_table AS f ON f.ftrelid = c.oid
     WHERE c.relkind IN ('v', 'm', 'f')
       AND c.oid >= 16384  -- the first number a user's object can have
       AND ('pg_catalog.pg_class'::pg_catalog.regclass, c.oid)
           NOT IN (SELECT m.classid, m.objid FROM extension_members AS m)
     UNION ALL
    SELECT 'routine ' || p.oid::pg_catalog.regprocedure::pg_catalog.text,
           pg_catalog.concat_ws(' ', p.prosrc, pg_catalog.pg_get_function_sqlbody(p.oid),
                                pg_catalog.array_to_string(p.proconfig, ' ')),
           false
      FROM pg_catalog.pg_proc AS p
     WHERE p.oid >= 16384
       AND ('pg_catalog.pg_proc'::pg_catalog.regclass, p.oid)
           NOT IN (SELECT m.classid, m.objid FROM extension_members AS m)
     UNION ALL
    SELECT 'default of ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) || '.'
               || pg_catalog.quote_ident(a.attname),
           -- Only a generated column names others: for the rest no table has to be opened.
           pg_catalog.pg_get_expr(f.adbin, CASE a.attgenerated WHEN '' THEN 0 ELSE f.adrelid END),
           false
      FROM pg_catalog.pg_attrdef AS f
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
      JOIN pg_catalog.pg_class AS c ON c.oid = f.adrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relpersistence <> 't'
     UNION ALL
    SELECT 'setting of ' || coalesce('role ' || pg_catalog.quote_ident(r.rolname), 'this database'),
           pg_catalog.array_to_string(s.setconfig, ' '),
           false
      FROM pg_catalog.pg_db_role_setting AS s
      JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase AND d.datname = pg_catalog.current_database()
      LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
)
SELECT s.object,
       NOT s.hidden AS judged,
       CASE WHEN s.hidden THEN 'This role may not read its options.'
            ELSE 'It names dev''s server or database.'
        END AS message
  FROM sources AS s
 WHERE s.hidden AND %(dev)s::pg_catalog.text IS NOT NULL OR s.text ~* %(dev)s
 UNION ALL
-- Which of them lead to dev was read apart, because most roles are refused the column; NULL: we were.
SELECT o.object,
       %(subscriptions)s::pg_catalog.text[] IS NOT NULL,
       CASE WHEN %(subscriptions)s::pg_catalog.text[] IS NULL THEN 'This role may not read its connection.'
            ELSE 'Its connection leads to dev.'
        END
  FROM pg_catalog.pg_subscription AS s
  JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid AND d.datname = pg_catalog.current_database()
 CROSS JOIN LATERAL (SELECT pg_catalog.quote_ident(s.subname), 'subscription ' || pg_catalog.quote_ident(s.subname))
       AS o(name, object)
 WHERE %(dev)s::pg_catalog.text IS NOT NULL
   AND coalesce(o.name = ANY (%(subscriptions)s::pg_catalog.text[]), true)
 UNION ALL
SELECT pg_catalog.quote_ident(pg_catalog.current_database()),
       false,
       'Nothing tells dev apart: its URL is not set, or it has this database''s server and name.'
 WHERE %(dev)s::pg_catalog.text IS NULL
 ORDER BY object
