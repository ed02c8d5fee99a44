-- Who owns what in this database, and who else gave rights on it, each with one such object, out of the query's own
-- list `owned`.
SELECT pg_catalog.pg_get_userbyid(giver.role)::text AS owner,
       CASE WHEN o.kind = '' AND giver.role = o.owner THEN coalesce(n.nspname::text, '') ELSE '' END AS schema,
       CASE WHEN giver.role = o.owner THEN o.kind ELSE '' END AS kind,
       coalesce(n.nspname::text, '') AS name,
       min(pg_catalog.pg_describe_object(o.classid, o.objid, 0)) AS thing
  FROM ({owned}) AS o
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = o.schema
 CROSS JOIN LATERAL (
       SELECT o.owner AS role
        UNION
       SELECT a.grantor FROM pg_catalog.aclexplode(o.acl) AS a) AS giver
 GROUP BY 1, 2, 3, 4
 ORDER BY 1, 2, 3, 4
