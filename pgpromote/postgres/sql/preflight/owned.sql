-- Who owns what in this database, and who else gave rights on it, each with one such object: relations, routines, types of their own, schemas.
-- What initdb or an extension brought is no archive's to give; public is, once somebody changed its owner. Other
-- kinds follow their schema. A range type's constructors belong to the first superuser, whoever makes the type: they
-- count only where somebody changed their rights.
-- Parameters: whether only some objects count, and which, as two parallel lists of schemas and names ("" and the
-- name for a schema; a routine's name without its arguments).
WITH owned AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS catalog, c.oid, c.relowner AS owner, c.relacl AS acl,
           c.relnamespace AS schema, '' AS kind, c.relname::text AS name
      FROM pg_catalog.pg_class AS c
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
     UNION ALL
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, p.proowner, p.proacl, p.pronamespace, '', p.proname
      FROM pg_catalog.pg_proc AS p
     UNION ALL
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, t.typowner, t.typacl, t.typnamespace, '', t.typname
      FROM pg_catalog.pg_type AS t
     WHERE t.typtype IN ('d', 'e', 'r')
     UNION ALL
    SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, n.oid, n.nspowner, n.nspacl, n.oid, 'SCHEMA', n.nspname
      FROM pg_catalog.pg_namespace AS n
)
SELECT pg_catalog.pg_get_userbyid(giver.role)::text AS owner,
       CASE WHEN o.kind = '' AND giver.role = o.owner THEN n.nspname::text ELSE '' END AS schema,
       CASE WHEN giver.role = o.owner THEN o.kind ELSE '' END AS kind,
       n.nspname::text AS name,
       min(pg_catalog.pg_describe_object(o.catalog, o.oid, 0)) AS thing
  FROM owned AS o
  JOIN pg_catalog.pg_namespace AS n ON n.oid = o.schema
 CROSS JOIN LATERAL (
       SELECT o.owner AS role
        UNION
       SELECT a.grantor FROM pg_catalog.aclexplode(o.acl) AS a) AS giver
 WHERE (o.oid >= 16384 OR n.nspname = 'public')
   AND n.nspname !~ '^pg_'
   AND (NOT %(some)s
        OR EXISTS (
           SELECT
             FROM ROWS FROM (pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(names)s::text[]))
                  AS wanted (schema, name)
            WHERE wanted.name = o.name
              AND wanted.schema = CASE o.kind WHEN '' THEN n.nspname::text ELSE '' END))
   AND NOT EXISTS (
       SELECT
         FROM pg_catalog.pg_depend AS d
        WHERE d.classid = o.catalog AND d.objid = o.oid
          AND (d.deptype = 'e'
               OR d.deptype = 'i' AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND o.acl IS NULL))
 GROUP BY 1, 2, 3, 4
 ORDER BY 1, 2, 3, 4
