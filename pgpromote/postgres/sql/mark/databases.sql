-- The databases that may carry our mark: its sign begins the comment, and whoever wrote it is to be trusted.
-- A connection limit of -2 is the server's sign of a DROP that was cut short.
SELECT d.oid::bigint AS oid,
       d.datname::text AS name,
       o.rolname::text AS owner,
       d.datallowconn AND d.datconnlimit <> -2 AS usable,
       c.comment
  FROM pg_catalog.pg_database AS d
  JOIN pg_catalog.pg_roles AS o ON o.oid = d.datdba
 CROSS JOIN LATERAL pg_catalog.shobj_description(d.oid, 'pg_database') AS c (comment)
 WHERE pg_catalog.starts_with(c.comment, %(sign)s)
   AND d.datname <> %(prod)s
   AND (o.rolsuper
        OR o.rolname = CURRENT_USER
        OR d.datdba = (SELECT p.datdba FROM pg_catalog.pg_database AS p WHERE p.datname = %(prod)s))
 ORDER BY d.datname
