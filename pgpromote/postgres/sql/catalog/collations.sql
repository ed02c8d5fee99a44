-- Collations that fit prod's encoding.
SELECT n.nspname::text AS schema,
       c.collname::text AS name,
       c.collprovider::text AS provider,
       c.collcollate AS locale
  FROM pg_catalog.pg_collation AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace
  JOIN pg_catalog.pg_database AS d ON d.datname = pg_catalog.current_database()
 WHERE c.collencoding IN (-1, d.encoding)
 ORDER BY n.nspname, c.collname
