-- What we may do with each role: become it, or use its rights as they are. On PostgreSQL 15 "become" is MEMBER.
SELECT r.rolname::text AS name,
       r.rolsuper AS superuser,
       r.rolname = CURRENT_USER AS is_us,
       r.oid = 10 AS made_by_initdb,
       r.oid = (SELECT d.datdba
                  FROM pg_catalog.pg_database AS d
                 WHERE d.datname = pg_catalog.current_database()) AS owns_database,
       pg_catalog.pg_has_role(r.oid, %(become)s) AS can_become,
       pg_catalog.pg_has_role(r.oid, 'USAGE') AS has_rights
  FROM pg_catalog.pg_roles AS r
 ORDER BY r.rolname
