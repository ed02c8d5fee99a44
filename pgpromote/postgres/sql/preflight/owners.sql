-- The owners that our role cannot give something to in a new database beside prod: it may not act as them, or they
-- may not create in the schema. A schema without a holder belongs to the new database's owner: prod's, where our
-- role may make it that, else our role. On PostgreSQL 15 "become" is MEMBER.
-- As whom it may not act is told once.
-- Parameters: owners, schemas, the schemas' holders and an object of each, as four parallel lists; a schema of ''
-- needs no holder.
WITH us AS (
    SELECT r.oid, r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER
), place AS (
    SELECT CASE WHEN pg_catalog.pg_has_role(d.datdba, %(become)s) AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
                THEN d.datdba
                ELSE us.oid END AS owner
      FROM pg_catalog.pg_database AS d
     CROSS JOIN us
     WHERE d.datname = pg_catalog.current_database()
), wanted AS (
    SELECT DISTINCT o.oid, o.rolname AS owner, e.schema, coalesce(h.oid, place.owner) AS holder, e.thing
      FROM ROWS FROM (
               pg_catalog.unnest(%(owners)s::text[]),
               pg_catalog.unnest(%(schemas)s::text[]),
               pg_catalog.unnest(%(holders)s::text[]),
               pg_catalog.unnest(%(things)s::text[])
           ) AS e (owner, schema, holder, thing)
      JOIN pg_catalog.pg_roles AS o ON o.rolname = e.owner
      LEFT JOIN pg_catalog.pg_roles AS h ON h.rolname = e.holder
     CROSS JOIN place
), judged AS (
    SELECT w.owner::text AS owner,
           w.schema,
           w.thing,
           pg_catalog.pg_get_userbyid(w.holder)::text AS holder,
           pg_catalog.pg_has_role(w.oid, %(become)s) AND pg_catalog.pg_has_role(w.oid, 'USAGE') AS ours,
           w.schema = '' OR pg_catalog.pg_has_role(w.oid, w.holder, 'USAGE') AS creates
      FROM wanted AS w
     CROSS JOIN us
     WHERE NOT us.rolsuper
       AND w.oid <> us.oid
)
SELECT DISTINCT ON (j.owner, CASE WHEN j.ours THEN j.schema END)
       j.owner, j.schema, j.holder, j.ours, j.thing
  FROM judged AS j
 WHERE NOT (j.ours AND j.creates)
 ORDER BY j.owner, CASE WHEN j.ours THEN j.schema END, j.schema DESC
