-- What a shadow database takes over from prod. The locale's column has another name since PostgreSQL 17, and
-- ICU rules exist since 16. A tablespace that is named needs the right to create in it, so the usual one is not.
SELECT d.oid::bigint AS oid,
       d.datname::text AS name,
       pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
       d.datcollate::text AS "collate",
       d.datctype::text AS ctype,
       d.datlocprovider::text AS provider,
       coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale') AS locale,
       pg_catalog.to_jsonb(d) ->> 'daticurules' AS icu_rules,
       CASE WHEN d.dattablespace <> t.dattablespace THEN s.spcname::text END AS tablespace,
       CASE WHEN NOT us.rolsuper AND o.oid <> us.oid
             AND pg_catalog.pg_has_role(o.oid, %(become)s) AND pg_catalog.pg_has_role(o.oid, 'USAGE')
            THEN o.rolname::text END AS owner,
       pg_catalog.clock_timestamp() AS now
  FROM pg_catalog.pg_database AS d
  JOIN pg_catalog.pg_database AS t ON t.datname = 'template0'
  JOIN pg_catalog.pg_tablespace AS s ON s.oid = d.dattablespace
  JOIN pg_catalog.pg_roles AS o ON o.oid = d.datdba
  JOIN pg_catalog.pg_roles AS us ON us.rolname = CURRENT_USER
 WHERE d.datname = %(prod)s
