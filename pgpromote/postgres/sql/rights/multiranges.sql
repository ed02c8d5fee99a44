-- Multirange types that another than the owner of their range type owns, because ALTER TYPE ... OWNER TO leaves them
-- before 17: the statements that give them to that owner.
SELECT pg_catalog.format('ALTER TYPE %I.%I OWNER TO %I', n.nspname, m.typname, o.rolname) AS sql,
       'a multirange type belongs to the owner of its range type' AS why
  FROM pg_catalog.pg_range AS r
  JOIN pg_catalog.pg_type AS t ON t.oid = r.rngtypid
  JOIN pg_catalog.pg_roles AS o ON o.oid = t.typowner
  JOIN pg_catalog.pg_type AS m ON m.oid = r.rngmultitypid AND m.typowner <> t.typowner
  JOIN pg_catalog.pg_namespace AS n ON n.oid = m.typnamespace
 WHERE r.rngtypid >= 16384
   AND pg_catalog.current_setting('server_version_num')::integer < 170000
 ORDER BY 1
