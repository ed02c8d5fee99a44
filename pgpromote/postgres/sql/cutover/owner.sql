-- Give the incoming database to the owner of the outgoing one.
SELECT pg_catalog.format('ALTER DATABASE %%I OWNER TO %%I', i.datname, r.rolname) AS sql,
       'the same owner as before' AS why
  FROM pg_catalog.pg_database AS i
  JOIN pg_catalog.pg_database AS o ON o.oid = %(outgoing)s
  JOIN pg_catalog.pg_roles AS r ON r.oid = o.datdba
 WHERE i.oid = %(incoming)s
   AND i.datdba <> o.datdba
