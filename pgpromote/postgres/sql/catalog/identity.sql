-- Who the server is and who we are on it. PostgreSQL 15 and 16; see identity_17.sql.
SELECT (SELECT c.system_identifier::text FROM pg_catalog.pg_control_system() AS c) AS system_identifier,
       d.datname::text AS database,
       d.oid::bigint AS database_oid,
       CURRENT_USER::text AS "user",
       r.rolsuper AS superuser,
       pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
       d.datcollate::text AS "collate",
       d.datctype::text AS ctype,
       d.datlocprovider::text AS provider,
       d.daticulocale::text AS locale,
       pg_catalog.pg_database_size(d.oid) AS size
  FROM pg_catalog.pg_database AS d
  JOIN pg_catalog.pg_roles AS r ON r.rolname = CURRENT_USER
 WHERE d.datname = pg_catalog.current_database()
