-- Every object that DROP SCHEMA ... CASCADE takes, by the server's own rule (findDependentObjects in dependency.c):
-- down to all that depends on a taken object or column, and up to what a taken object is a part of.
-- "part" marks what goes with another taken object and needs no mention of its own, "again" what an archive brings
-- again: its objects and what belongs to them; a partition only where it is one of them.
-- Parameters: schema, and those of catalog/brought.sql.
WITH RECURSIVE named (kind, classid, objid, schema, name) AS (
    {named}
), brought (kind, classid, objid, schema, name) AS (
    {brought}
), again (classid, objid) AS (
    SELECT b.classid, b.objid FROM brought AS b
     UNION
    SELECT d.classid, d.objid
      FROM again AS a
      JOIN pg_catalog.pg_depend AS d ON d.refclassid = a.classid AND d.refobjid = a.objid
      LEFT JOIN pg_catalog.pg_class AS p
        ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.oid = d.objid
       AND p.relispartition AND p.relkind IN ('r', 'p', 'f')
     WHERE d.deptype IN ('i', 'a', 'P', 'S')
       AND p.oid IS NULL
), start AS (
    SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass::oid AS classid, n.oid AS objid, 0 AS objsubid
      FROM pg_catalog.pg_namespace AS n
     WHERE n.nspname = %(schema)s
), taken AS (
    SELECT s.classid, s.objid, s.objsubid
      FROM start AS s
     UNION
    SELECT next.classid, next.objid, next.objsubid
      FROM taken AS t
     CROSS JOIN LATERAL (
            SELECT d.classid, d.objid, d.objsubid
              FROM pg_catalog.pg_depend AS d
             WHERE d.refclassid = t.classid
               AND d.refobjid = t.objid
               AND t.objsubid IN (0, d.refobjsubid)
             UNION ALL
            SELECT d.refclassid, d.refobjid, d.refobjsubid
              FROM pg_catalog.pg_depend AS d
             WHERE d.classid = t.classid
               AND d.objid = t.objid
               AND t.objsubid IN (0, d.objsubid)
               AND d.deptype IN ('i', 'e')
           ) AS next
), owned AS (
    -- what is nothing without its relation, domain or operator family
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid AS classid, i.indexrelid AS objid,
           'pg_catalog.pg_class'::pg_catalog.regclass::oid AS ownerclass, i.indrelid AS ownerid
      FROM pg_catalog.pg_index AS i
     UNION ALL
    SELECT c.tableoid, c.oid, 'pg_catalog.pg_class'::pg_catalog.regclass, c.conrelid FROM pg_catalog.pg_constraint AS c
     UNION ALL
    SELECT c.tableoid, c.oid, 'pg_catalog.pg_type'::pg_catalog.regclass, c.contypid FROM pg_catalog.pg_constraint AS c
     UNION ALL
    SELECT a.tableoid, a.oid, 'pg_catalog.pg_class'::pg_catalog.regclass, a.adrelid FROM pg_catalog.pg_attrdef AS a
     UNION ALL
    SELECT t.tableoid, t.oid, 'pg_catalog.pg_class'::pg_catalog.regclass, t.tgrelid FROM pg_catalog.pg_trigger AS t
     UNION ALL
    SELECT r.tableoid, r.oid, 'pg_catalog.pg_class'::pg_catalog.regclass, r.ev_class FROM pg_catalog.pg_rewrite AS r
     UNION ALL
    SELECT p.tableoid, p.oid, 'pg_catalog.pg_class'::pg_catalog.regclass, p.polrelid FROM pg_catalog.pg_policy AS p
     UNION ALL
    SELECT o.tableoid, o.oid, 'pg_catalog.pg_opfamily'::pg_catalog.regclass, o.amopfamily FROM pg_catalog.pg_amop AS o
     UNION ALL
    SELECT o.tableoid, o.oid, 'pg_catalog.pg_opfamily'::pg_catalog.regclass, o.amprocfamily FROM pg_catalog.pg_amproc AS o
     UNION ALL
    -- the reset renews these for its own schema, not for a schema that goes with an extension
    SELECT a.tableoid, a.oid, s.classid, s.objid
      FROM pg_catalog.pg_default_acl AS a
      JOIN start AS s ON s.objid = a.defaclnamespace
     UNION ALL
    SELECT p.tableoid, p.oid, s.classid, s.objid
      FROM pg_catalog.pg_publication_namespace AS p
      JOIN start AS s ON s.objid = p.pnnspid
), whole AS (
    SELECT t.classid, t.objid
      FROM taken AS t
     WHERE t.objsubid = 0
), made AS (
    -- what the server made for another object, what an extension brings, a column's default and NOT NULL
    SELECT d.classid, d.objid, d.objsubid
      FROM taken AS t
      JOIN pg_catalog.pg_depend AS d ON d.refclassid = t.classid AND d.refobjid = t.objid
                                    AND t.objsubid IN (0, d.refobjsubid)
      LEFT JOIN pg_catalog.pg_constraint AS c ON c.tableoid = d.classid AND c.oid = d.objid
     WHERE (d.classid, d.objid) <> (d.refclassid, d.refobjid)
       AND (d.deptype IN ('i', 'e', 'P', 'S')
            OR d.deptype = 'a'
           AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
           AND (c.contype = 'n' OR d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass))
)
-- The IN are hashed whatever the planner thinks of a recursive query's size; joins are not.
SELECT t.classid::bigint AS classid,
       t.objid::bigint AS objid,
       t.objsubid,
       o.type,
       o.identity,
       COALESCE(o.schema = pg_catalog.quote_ident(%(schema)s), false) AS inside,
       (t.objsubid <> 0 AND (t.classid, t.objid) IN (SELECT w.classid, w.objid FROM whole AS w)
        OR (t.classid, t.objid) IN (SELECT n.classid, n.objid
                                      FROM owned AS n
                                      JOIN whole AS w ON w.classid = n.ownerclass AND w.objid = n.ownerid)
        OR (t.classid, t.objid, t.objsubid) IN (SELECT m.classid, m.objid, m.objsubid FROM made AS m)) AS part,
       (t.classid, t.objid) IN (SELECT a.classid, a.objid FROM again AS a) AS again
  FROM taken AS t
 CROSS JOIN LATERAL pg_catalog.pg_identify_object(t.classid, t.objid, t.objsubid) AS o
 WHERE (t.classid, t.objid) NOT IN (SELECT s.classid, s.objid FROM start AS s)
 ORDER BY o.type, o.identity, t.classid, t.objid, t.objsubid
