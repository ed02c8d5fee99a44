-- Give the incoming database the connection limit of the outgoing one.
SELECT pg_catalog.format('ALTER DATABASE %%I CONNECTION LIMIT %%s', i.datname, o.datconnlimit) AS sql,
       'the same connection limit as before' AS why
  FROM pg_catalog.pg_database AS i
  JOIN pg_catalog.pg_database AS o ON o.oid = %(outgoing)s
 WHERE i.oid = %(incoming)s
   AND i.datconnlimit <> o.datconnlimit
