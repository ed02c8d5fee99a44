-- One database as the cut-over finds it, and whether we may rename it.
SELECT d.oid::bigint AS oid,
       d.datname::text AS name,
       o.rolname::text AS owner,
       d.datistemplate AS template,
       pg_catalog.pg_has_role(d.datdba, 'USAGE') AS owned,
       (SELECT r.rolsuper OR r.rolcreatedb FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER) AS creates,
       pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,
       pg_catalog.clock_timestamp() AS now
  FROM pg_catalog.pg_database AS d
  JOIN pg_catalog.pg_roles AS o ON o.oid = d.datdba
 WHERE d.datname = %(name)s
