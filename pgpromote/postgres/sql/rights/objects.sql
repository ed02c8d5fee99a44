-- Everything with an owner or an ACL in this database, also what belongs to the server or to an extension.
-- A NULL ACL is written out as what it means. "target" is how ALTER and GRANT name the object; "part_of" the relation
-- whose owner the object shares; "initial" tells whether the ACL is what initdb or the extension gave it.
-- Left out: publications, subscriptions and event triggers, which no promotion brings; the database itself.
-- Also left out, because there are thousands of them, is what nobody has ever touched: the server's own routines
-- ("pinned": they are in every database, FirstUnpinnedObjectId is 12000, the first role 10) and the row types of
-- relations, whose owner is the relation's. Once touched, their ACL is never NULL again.
-- Names of types are qualified by format_type because our search path holds pg_catalog only.
WITH schema AS (
    SELECT n.tableoid AS classid, n.oid, n.nspowner, n.nspacl, pg_catalog.quote_ident(n.nspname) AS name
      FROM pg_catalog.pg_namespace AS n
     WHERE n.nspname !~ '^pg_(toast$|temp_|toast_temp_)'
), relation AS (
    SELECT c.tableoid AS classid, c.oid, c.relkind, c.relowner, c.relacl, c.reloptions, s.name AS schema,
           pg_catalog.format('%%s.%%I', s.name, c.relname) AS name
      FROM pg_catalog.pg_class AS c
      JOIN schema AS s ON s.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
), object (kind, type, classid, oid, identity, target, schema, part_of, owner, acl, code, runs_as_owner,
          pinned) AS (
    SELECT 'SCHEMA', 'schema', s.classid, s.oid, s.name, s.name, s.name, NULL, s.nspowner, s.nspacl, 'n'::"char", false,
           false
      FROM schema AS s
     UNION ALL
    -- GRANT and ALTER know views, materialized views and foreign tables as tables, too
    SELECT CASE r.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
           CASE r.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                          WHEN 'f' THEN 'foreign table' ELSE 'table' END,
           r.classid, r.oid, r.name, r.name, r.schema,
           t.name,
           r.relowner, r.relacl,
           CASE r.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END,
           r.relkind = 'v' AND NOT EXISTS (
               SELECT
                 FROM pg_catalog.pg_options_to_table(r.reloptions) AS o
                WHERE o.option_name = 'security_invoker'
                  AND o.option_value::boolean),
           false
      FROM relation AS r
      LEFT JOIN pg_catalog.pg_depend AS d
             ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = r.oid AND d.objsubid = 0
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid <> 0
            AND d.deptype IN ('a', 'i') AND r.relkind = 'S'
      LEFT JOIN relation AS t ON t.oid = d.refobjid
     UNION ALL
    -- IN keeps ROUTINE from also taking the list for all parameters of a procedure, OUT included
    SELECT 'ROUTINE',
           CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
           p.tableoid, p.oid,
           pg_catalog.format('%%s.%%I(%%s)', s.name, p.proname, pg_catalog.oidvectortypes(p.proargtypes)),
           pg_catalog.format('%%s.%%I(%%s)', s.name, p.proname, (
               SELECT pg_catalog.string_agg('IN ' || pg_catalog.format_type(a.type, NULL), ', ' ORDER BY a.number)
                 FROM pg_catalog.unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, number))),
           s.name, NULL, p.proowner, p.proacl, 'f', p.prosecdef, p.oid < 12000
      FROM pg_catalog.pg_proc AS p
      JOIN schema AS s ON s.oid = p.pronamespace
     WHERE p.oid >= 12000
        OR p.proacl IS NOT NULL
        OR p.proowner <> 10
        OR p.prosecdef
     UNION ALL
    -- an array type has the rights of its elements; since 17 a multirange type has those of its range
    SELECT 'TYPE', CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END, t.tableoid, t.oid,
           pg_catalog.format('%%s.%%I', s.name, t.typname), pg_catalog.format('%%s.%%I', s.name, t.typname),
           s.name, r.name, t.typowner, t.typacl, 'T', false, false
      FROM pg_catalog.pg_type AS t
      JOIN schema AS s ON s.oid = t.typnamespace
      LEFT JOIN relation AS r ON r.oid = t.typrelid
     WHERE t.typtype <> 'p'
       AND (r.oid IS NULL OR t.typacl IS NOT NULL)
       AND (t.typtype <> 'm' OR pg_catalog.current_setting('server_version_num')::integer < 170000)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_type AS e WHERE e.typarray = t.oid)
     UNION ALL
    SELECT 'LANGUAGE', 'language', l.tableoid, l.oid, pg_catalog.quote_ident(l.lanname), pg_catalog.quote_ident(l.lanname),
           NULL, NULL, l.lanowner, l.lanacl, 'l', false, false
      FROM pg_catalog.pg_language AS l
     UNION ALL
    SELECT 'FOREIGN DATA WRAPPER', 'foreign-data wrapper', w.tableoid, w.oid,
           pg_catalog.quote_ident(w.fdwname), pg_catalog.quote_ident(w.fdwname),
           NULL, NULL, w.fdwowner, w.fdwacl, 'F', false, false
      FROM pg_catalog.pg_foreign_data_wrapper AS w
     UNION ALL
    SELECT 'FOREIGN SERVER', 'server', f.tableoid, f.oid,
           pg_catalog.quote_ident(f.srvname), pg_catalog.quote_ident(f.srvname),
           NULL, NULL, f.srvowner, f.srvacl, 'S', false, false
      FROM pg_catalog.pg_foreign_server AS f
     UNION ALL
    -- grants and dependencies name a large object by pg_largeobject
    SELECT 'LARGE OBJECT', 'large object', 'pg_catalog.pg_largeobject'::pg_catalog.regclass, b.oid, b.oid::text, b.oid::text,
           NULL, NULL, b.lomowner, b.lomacl, 'L', false, false
      FROM pg_catalog.pg_largeobject_metadata AS b
     UNION ALL
    -- these have an owner and no ACL; those of the server belong to it in every database
    SELECT pg_catalog.upper(CASE i.type WHEN 'statistics object' THEN 'statistics' ELSE i.type END), i.type,
           x.classid, x.oid, i.identity, i.identity, i.schema, NULL, x.owner, NULL, NULL, false, false
      FROM (SELECT e.tableoid, e.oid, e.extowner FROM pg_catalog.pg_extension AS e
             UNION ALL
            SELECT o.tableoid, o.oid, o.oprowner FROM pg_catalog.pg_operator AS o
             UNION ALL
            SELECT o.tableoid, o.oid, o.opcowner FROM pg_catalog.pg_opclass AS o
             UNION ALL
            SELECT o.tableoid, o.oid, o.opfowner FROM pg_catalog.pg_opfamily AS o
             UNION ALL
            SELECT c.tableoid, c.oid, c.conowner FROM pg_catalog.pg_conversion AS c
             UNION ALL
            SELECT c.tableoid, c.oid, c.collowner FROM pg_catalog.pg_collation AS c
             UNION ALL
            SELECT d.tableoid, d.oid, d.dictowner FROM pg_catalog.pg_ts_dict AS d
             UNION ALL
            SELECT c.tableoid, c.oid, c.cfgowner FROM pg_catalog.pg_ts_config AS c
             UNION ALL
            SELECT s.tableoid, s.oid, s.stxowner FROM pg_catalog.pg_statistic_ext AS s
           ) AS x (classid, oid, owner)
     CROSS JOIN LATERAL pg_catalog.pg_identify_object(x.classid, x.oid, 0) AS i
     WHERE x.oid >= 16384
), member AS (
    SELECT d.classid, d.objid, pg_catalog.quote_ident(e.extname) AS extension
      FROM pg_catalog.pg_depend AS d
      JOIN pg_catalog.pg_extension AS e ON e.tableoid = d.refclassid AND e.oid = d.refobjid
     WHERE d.deptype = 'e'
), shared_column AS (
    SELECT a.attrelid,
           pg_catalog.bool_and(a.attacl IS NOT DISTINCT FROM i.initprivs) AS initial,
           pg_catalog.json_agg(pg_catalog.json_build_array(
               pg_catalog.pg_get_userbyid(x.grantor),
               CASE x.grantee WHEN 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(x.grantee) END,
               x.privilege_type, x.is_grantable, pg_catalog.quote_ident(a.attname))) AS grants
      FROM pg_catalog.pg_attribute AS a
      LEFT JOIN pg_catalog.pg_init_privs AS i
             ON i.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.objoid = a.attrelid AND i.objsubid = a.attnum
     CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) AS x
     WHERE a.attacl IS NOT NULL
       AND NOT a.attisdropped
     GROUP BY a.attrelid
), held AS (
    SELECT o.*, COALESCE(o.acl, d.builtin) AS present, d.builtin
      FROM object AS o
     CROSS JOIN LATERAL (SELECT pg_catalog.acldefault(o.code, o.owner)) AS d (builtin)
), written AS (
    -- Thousands of objects share a few ACLs, so each is written out once.
    SELECT a.acl,
           pg_catalog.json_agg(pg_catalog.json_build_array(
               pg_catalog.pg_get_userbyid(x.grantor),
               CASE x.grantee WHEN 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(x.grantee) END,
               x.privilege_type, x.is_grantable, ''))::text AS grants
      FROM (SELECT h.present FROM held AS h UNION SELECT h.builtin FROM held AS h) AS a (acl)
     CROSS JOIN LATERAL pg_catalog.aclexplode(a.acl) AS x
     GROUP BY a.acl
)
SELECT o.kind,
       o.type,
       o.identity,
       o.target,
       COALESCE(o.schema, '') AS schema,
       COALESCE(o.part_of, '') AS part_of,
       pg_catalog.pg_get_userbyid(o.owner)::text AS owner,
       o.runs_as_owner,
       COALESCE(m.extension, '') AS extension,
       o.present IS NOT DISTINCT FROM COALESCE(i.initprivs, o.builtin) AND COALESCE(k.initial, true) AS initial,
       o.pinned,
       COALESCE(own.grants, '[]') AS grants,
       COALESCE(k.grants, '[]')::text AS column_grants,
       COALESCE(builtin.grants, '[]') AS builtin
  FROM held AS o
  LEFT JOIN member AS m ON m.classid = o.classid AND m.objid = o.oid
  LEFT JOIN pg_catalog.pg_init_privs AS i ON i.classoid = o.classid AND i.objoid = o.oid AND i.objsubid = 0
  LEFT JOIN shared_column AS k ON k.attrelid = o.oid AND o.kind = 'TABLE'
  LEFT JOIN written AS own ON own.acl = o.present
  LEFT JOIN written AS builtin ON builtin.acl = o.builtin
