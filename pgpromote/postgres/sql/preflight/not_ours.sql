-- Objects of prod that the archive brings, or the schema public, whose owner our role may not act as, or on which such
-- a role gave rights: a row for each object and role, in the shape of access.NotOurs. What a superuser gave counts as
-- given by the owner. On PostgreSQL 15 "become" is MEMBER.
-- Parameters: those of brought.sql, the numbers of the archive's large objects, and whether public counts.
WITH named (kind, classid, objid, schema, name) AS (
    {named}
), brought (kind, classid, objid, schema, name) AS (
    {brought}
), owned (classid, objid, owner, acl, schema, kind, name, altered) AS (
    {owned}
), us AS (
    SELECT r.oid, r.rolname FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER AND NOT r.rolsuper
), place AS (
    -- whoever can be an owner instead: prod's, where we may act as it
    SELECT CASE WHEN pg_catalog.pg_has_role(d.datdba, %(become)s) AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
                THEN pg_catalog.pg_get_userbyid(d.datdba)
                ELSE us.rolname END AS owner
      FROM pg_catalog.pg_database AS d
     CROSS JOIN us
     WHERE d.datname = pg_catalog.current_database()
), touched AS (
    SELECT o.*, false AS made
      FROM owned AS o
      JOIN brought AS b ON b.classid = o.classid AND b.objid = o.objid
     UNION ALL
    SELECT o.*, false
      FROM owned AS o
     WHERE o.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND o.name = 'public' AND %(public)s
        OR o.classid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass AND o.objid = ANY (%(numbers)s::oid[])
     UNION ALL
    -- what the server makes of a range type by itself
    SELECT o.*, o.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
      FROM owned AS o
      JOIN pg_catalog.pg_depend AS d
        ON d.classid = o.classid AND d.objid = o.objid AND d.deptype = 'i'
      JOIN brought AS b ON b.classid = d.refclassid AND b.objid = d.refobjid
     WHERE d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
       AND o.classid IN ('pg_catalog.pg_type'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)
)
SELECT DISTINCT
       pg_catalog.pg_describe_object(t.classid, t.objid, 0) AS thing,
       r.rolname::text AS role,
       r.rolsuper AS superuser,
       r.oid = t.owner AS owns,
       t.made,
       CASE WHEN r.oid = t.owner AND NOT t.made
            THEN pg_catalog.format('ALTER %%s OWNER TO %%I;', t.altered,
                     CASE WHEN t.kind = 'SCHEMA' AND t.name = 'public' THEN 'pg_database_owner' ELSE place.owner END)
            ELSE '' END AS giving
  FROM touched AS t
 CROSS JOIN place
 CROSS JOIN LATERAL (
       SELECT t.owner AS role
        UNION
       SELECT a.grantor FROM pg_catalog.aclexplode(t.acl) AS a) AS giver
  JOIN pg_catalog.pg_roles AS r ON r.oid = giver.role
 WHERE (r.oid = t.owner OR NOT r.rolsuper)
   AND r.rolname <> 'pg_database_owner'
   AND NOT (t.made
            AND ARRAY(SELECT a::text FROM pg_catalog.unnest(t.acl) AS a ORDER BY 1)
                = ARRAY(SELECT a::text FROM pg_catalog.unnest(pg_catalog.acldefault('f', t.owner)) AS a ORDER BY 1))
   AND NOT (pg_catalog.pg_has_role(r.oid, %(become)s) AND pg_catalog.pg_has_role(r.oid, 'USAGE'))
 ORDER BY 2, 1
