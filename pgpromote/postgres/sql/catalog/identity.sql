-- Who the server is and who we are on it. The locale's column has another name since PostgreSQL 17.
SELECT pg_catalog.current_setting('server_version_num')::integer AS version_number,
       (SELECT c.system_identifier::text FROM pg_catalog.pg_control_system() AS c) AS system_identifier,
       d.datname::text AS database,
       d.oid::bigint AS database_oid,
       CURRENT_USER::text AS "user",
       r.rolsuper AS superuser,
       pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
       d.datcollate::text AS "collate",
       d.datctype::text AS ctype,
       d.datlocprovider::text AS provider,
       coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale') AS locale,
       -- By lc_monetary; the server keeps money as an integer of the smallest unit.
       pg_catalog.scale(1::integer::pg_catalog.money::numeric) AS money_decimals,
       pg_catalog.current_setting('lock_timeout') AS lock_timeout
  FROM pg_catalog.pg_database AS d
  JOIN pg_catalog.pg_roles AS r ON r.rolname = CURRENT_USER
 WHERE d.datname = pg_catalog.current_database()
