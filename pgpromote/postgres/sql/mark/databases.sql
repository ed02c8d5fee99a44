-- The databases that may carry our mark: its sign begins the comment; trusted says whether whoever wrote it is.
-- A connection limit of -2 is the server's sign of a DROP that was cut short.
SELECT d.oid::bigint AS oid,
       d.datname::text AS name,
       o.rolname::text AS owner,
       d.datallowconn AND d.datconnlimit <> -2 AS usable,
       o.rolsuper
       OR o.rolname = CURRENT_USER
       OR EXISTS (SELECT FROM pg_catalog.pg_database AS p WHERE p.datname = %(prod)s AND p.datdba = d.datdba) AS trusted,
       c.comment
  FROM pg_catalog.pg_database AS d
  JOIN pg_catalog.pg_roles AS o ON o.oid = d.datdba
 CROSS JOIN LATERAL pg_catalog.shobj_description(d.oid, 'pg_database') AS c (comment)
 WHERE pg_catalog.starts_with(c.comment, %(sign)s)
   AND d.datname <> %(prod)s
 ORDER BY d.datname
