-- Everything that users made in this database and that an archive would name: kind, schema and name as pg_dump
-- writes them, and the relation of the same schema that an object is a part of (NULL for none).
-- Left out: what comes by itself with an extension or another object: an identity's sequence, the index of a
-- constraint, a view's rule, the types, functions and casts of a table or range. Not in order: of tens of thousands,
-- next to nothing is shown.
WITH named (kind, classid, objid, schema, name) AS NOT MATERIALIZED (  -- only the kinds are read that are asked for
    {named}
), implied (classid, objid) AS (
    SELECT d.classid, d.objid FROM pg_catalog.pg_depend AS d WHERE d.deptype IN ('e', 'i') AND d.objsubid = 0
), relation AS (
    SELECT c.oid, c.relkind, c.relrowsecurity, n.nspname::text AS schema, c.relname::text AS name
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relpersistence <> 't'
       AND c.oid NOT IN (SELECT m.objid FROM implied AS m WHERE m.classid = 'pg_catalog.pg_class'::regclass)
), object (kind, classid, objid, schema, name, part_of) AS (
    SELECT s.entry, 'pg_catalog.pg_class'::regclass, r.oid, r.schema, r.name, owner.relname::text
      FROM relation AS r
      JOIN (VALUES ('r', 'TABLE'), ('p', 'TABLE'), ('f', 'FOREIGN TABLE'), ('v', 'VIEW'),
                   ('m', 'MATERIALIZED VIEW'), ('S', 'SEQUENCE')) AS s (relkind, entry)
        ON s.relkind = r.relkind::text
      LEFT JOIN pg_catalog.pg_depend AS d
        ON r.relkind = 'S' AND d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid
       AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'a'
      LEFT JOIN pg_catalog.pg_class AS owner ON owner.oid = d.refobjid
    UNION ALL
    SELECT 'INDEX', 'pg_catalog.pg_class'::regclass, r.oid, r.schema, r.name, indexed.name
      FROM relation AS r
      JOIN pg_catalog.pg_index AS i ON i.indexrelid = r.oid
      JOIN relation AS indexed ON indexed.oid = i.indrelid
     WHERE i.indisvalid OR r.relkind = 'I'
    UNION ALL
    SELECT s.entry, 'pg_catalog.pg_constraint'::regclass, k.oid, r.schema, r.name || ' ' || k.conname, r.name
      FROM pg_catalog.pg_constraint AS k
      JOIN relation AS r ON r.oid = k.conrelid
      JOIN (VALUES ('p', 'CONSTRAINT'), ('u', 'CONSTRAINT'), ('x', 'CONSTRAINT'),
                   ('f', 'FK CONSTRAINT')) AS s (contype, entry)
        ON s.contype = k.contype::text
     WHERE k.contype <> 'f' OR k.conparentid = 0
    UNION ALL
    SELECT 'TRIGGER', 'pg_catalog.pg_trigger'::regclass, g.oid, r.schema, r.name || ' ' || g.tgname, r.name
      FROM pg_catalog.pg_trigger AS g
      JOIN relation AS r ON r.oid = g.tgrelid
     WHERE g.tgparentid = 0
       AND NOT g.tgisinternal
    UNION ALL
    SELECT 'RULE', 'pg_catalog.pg_rewrite'::regclass, w.oid, r.schema, r.name || ' ' || w.rulename, r.name
      FROM pg_catalog.pg_rewrite AS w
      JOIN relation AS r ON r.oid = w.ev_class
    UNION ALL
    SELECT 'POLICY', 'pg_catalog.pg_policy'::regclass, p.oid, r.schema, r.name || ' ' || p.polname, r.name
      FROM pg_catalog.pg_policy AS p
      JOIN relation AS r ON r.oid = p.polrelid
    UNION ALL
    SELECT 'ROW SECURITY', 'pg_catalog.pg_class'::regclass, r.oid, r.schema, r.name, r.name
      FROM relation AS r
     WHERE r.relrowsecurity
    UNION ALL
    SELECT 'STATISTICS', 'pg_catalog.pg_statistic_ext'::regclass, x.oid, n.nspname::text, x.stxname::text,
           CASE WHEN n.nspname = r.schema THEN r.name END
      FROM pg_catalog.pg_statistic_ext AS x
      JOIN pg_catalog.pg_namespace AS n ON n.oid = x.stxnamespace
      JOIN relation AS r ON r.oid = x.stxrelid
    UNION ALL
    SELECT CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, o.classid, o.objid, o.schema, o.name, NULL
      FROM named AS o
      JOIN pg_catalog.pg_type AS t ON t.oid = o.objid
     WHERE o.kind = 'type' AND t.typtype <> 'p'
    UNION ALL
    SELECT CASE p.prokind WHEN 'a' THEN 'AGGREGATE' WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
           o.classid, o.objid, o.schema, o.name, NULL
      FROM named AS o
      JOIN pg_catalog.pg_proc AS p ON p.oid = o.objid
     WHERE o.kind = 'routine'
    UNION ALL
    SELECT s.entry, o.classid, o.objid, o.schema, o.name, NULL
      FROM named AS o
      JOIN (VALUES ('operator', 'OPERATOR'), ('operator class', 'OPERATOR CLASS'),
                   ('operator family', 'OPERATOR FAMILY'), ('collation', 'COLLATION'), ('conversion', 'CONVERSION'),
                   ('cast', 'CAST'), ('transform', 'TRANSFORM'),
                   ('schema', 'SCHEMA'), ('event trigger', 'EVENT TRIGGER'),
                   ('text search configuration', 'TEXT SEARCH CONFIGURATION'),
                   ('text search dictionary', 'TEXT SEARCH DICTIONARY'),
                   ('text search parser', 'TEXT SEARCH PARSER'),
                   ('text search template', 'TEXT SEARCH TEMPLATE'),
                   ('language', 'PROCEDURAL LANGUAGE'), ('access method', 'ACCESS METHOD'),
                   ('foreign-data wrapper', 'FOREIGN DATA WRAPPER'), ('server', 'SERVER'),
                   ('user mapping', 'USER MAPPING'), ('publication', 'PUBLICATION'),
                   ('subscription', 'SUBSCRIPTION')) AS s (kind, entry)
        ON s.kind = o.kind
     WHERE o.kind NOT IN ('relation', 'type', 'routine')
    UNION ALL
    SELECT 'EXTENSION', 'pg_catalog.pg_extension'::regclass, e.oid, '', e.extname::text, NULL
      FROM pg_catalog.pg_extension AS e
)
SELECT o.kind, o.schema, o.name, o.part_of
  FROM object AS o
 WHERE o.objid >= 16384  -- the first number a user's object can have
   AND o.schema NOT LIKE 'pg\_%%'
   AND o.schema <> 'information_schema'
   AND NOT (o.kind = 'SCHEMA' AND o.name LIKE 'pg\_%%')
   AND NOT EXISTS (SELECT FROM implied AS m WHERE m.classid = o.classid AND m.objid = o.objid)
