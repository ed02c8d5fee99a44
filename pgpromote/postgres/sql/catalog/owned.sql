-- Every object in the schemas of users, or in none, that a promotion or a restore gives to its owner: with its owner, its
-- ACL, its schema, its name, and how ALTER names what gives it another owner: of a column's sequence that is the table.
-- Not here: what initdb or an extension brought, which is no archive's to give (public is, once somebody changed its
-- owner). A range type's constructors belong to the first superuser, whoever makes the type: they count only where
-- somebody changed their rights. Since 17 a multirange type follows its range type.
SELECT o.classid, o.objid, o.owner, o.acl, o.schema, o.kind, o.name, o.altered
  FROM (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS classid, c.oid AS objid, c.relnamespace AS schema,
           c.relowner AS owner,
           c.relacl AS acl, '' AS kind, c.relname::text AS name,
           CASE t.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE'
                          WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END
           || pg_catalog.format(' %%I.%%I', n.nspname, t.relname) AS altered
      FROM pg_catalog.pg_class AS c
      LEFT JOIN pg_catalog.pg_depend AS d
             ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.objsubid = 0
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid <> 0
            AND d.deptype IN ('a', 'i') AND c.relkind = 'S'
      JOIN pg_catalog.pg_class AS t ON t.oid = coalesce(d.refobjid, c.oid)
      JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
     UNION ALL
    -- by the types of its input: a procedure has no other form for that, nor an aggregate with an ORDER BY
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, p.pronamespace, p.proowner, p.proacl, '', p.proname,
           CASE WHEN p.prokind IN ('a', 'p') THEN 'ROUTINE' ELSE 'FUNCTION' END
           || pg_catalog.format(' %%I.%%I(%%s)', n.nspname, p.proname, (
                  SELECT pg_catalog.string_agg(CASE WHEN p.prokind IN ('a', 'p') THEN 'IN ' ELSE '' END
                                               || pg_catalog.format_type(a.type, NULL), ', ' ORDER BY a.number)
                    FROM pg_catalog.unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, number)))
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     UNION ALL
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, t.typnamespace, t.typowner, t.typacl, '', t.typname,
           CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END || pg_catalog.format(' %%I.%%I', n.nspname, t.typname)
      FROM pg_catalog.pg_type AS t
      JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
      LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
     WHERE (t.typtype IN ('b', 'd', 'e', 'r')
            OR c.relkind = 'c'
            OR t.typtype = 'm' AND pg_catalog.current_setting('server_version_num')::integer < 170000)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_type AS e WHERE e.typarray = t.oid)
     UNION ALL
    SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, n.oid, n.oid, n.nspowner, n.nspacl, 'SCHEMA', n.nspname,
           pg_catalog.format('SCHEMA %%I', n.nspname)
      FROM pg_catalog.pg_namespace AS n
     UNION ALL
    SELECT 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, f.oid, NULL, f.srvowner, f.srvacl, '', f.srvname,
           pg_catalog.format('SERVER %%I', f.srvname)
      FROM pg_catalog.pg_foreign_server AS f
     UNION ALL
    SELECT 'pg_catalog.pg_largeobject'::pg_catalog.regclass, l.oid, NULL, l.lomowner, l.lomacl, '', l.oid::text,
           'LARGE OBJECT ' || l.oid
      FROM pg_catalog.pg_largeobject_metadata AS l
     UNION ALL
    SELECT x.classid, x.objid, x.schema, x.owner, NULL, '', x.name,
           pg_catalog.upper(CASE i.type WHEN 'statistics object' THEN 'statistics' ELSE i.type END) || ' ' || i.identity
      FROM (SELECT o.tableoid, o.oid, o.oprnamespace, o.oprowner, o.oprname::text
              FROM pg_catalog.pg_operator AS o
             UNION ALL
            SELECT o.tableoid, o.oid, o.opcnamespace, o.opcowner, o.opcname
              FROM pg_catalog.pg_opclass AS o
             UNION ALL
            SELECT o.tableoid, o.oid, o.opfnamespace, o.opfowner, o.opfname
              FROM pg_catalog.pg_opfamily AS o
             UNION ALL
            SELECT c.tableoid, c.oid, c.connamespace, c.conowner, c.conname
              FROM pg_catalog.pg_conversion AS c
             UNION ALL
            SELECT c.tableoid, c.oid, c.collnamespace, c.collowner, c.collname
              FROM pg_catalog.pg_collation AS c
             UNION ALL
            SELECT d.tableoid, d.oid, d.dictnamespace, d.dictowner, d.dictname
              FROM pg_catalog.pg_ts_dict AS d
             UNION ALL
            SELECT c.tableoid, c.oid, c.cfgnamespace, c.cfgowner, c.cfgname
              FROM pg_catalog.pg_ts_config AS c
             UNION ALL
            SELECT s.tableoid, s.oid, s.stxnamespace, s.stxowner, s.stxname
              FROM pg_catalog.pg_statistic_ext AS s
           ) AS x (classid, objid, schema, owner, name)
     CROSS JOIN LATERAL pg_catalog.pg_identify_object(x.classid, x.objid, 0) AS i
     WHERE x.objid >= 16384
  ) AS o
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = o.schema
 WHERE (o.objid >= 16384 OR n.nspname = 'public' OR o.classid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass)
   AND coalesce(n.nspname !~ '^pg_', true)
   AND NOT EXISTS (
       SELECT
         FROM pg_catalog.pg_depend AS d
        WHERE d.classid = o.classid AND d.objid = o.objid
          AND (d.deptype = 'e'
               OR d.deptype = 'i' AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
                  AND o.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND o.acl IS NULL))
