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
       pg_catalog.clock_timestamp() AS now
  FROM pg_catalog.pg_database AS d
  JOIN pg_catalog.pg_database AS t ON t.datname = 'template0'
  JOIN pg_catalog.pg_tablespace AS s ON s.oid = d.dattablespace
 WHERE d.datname = %(prod)s
