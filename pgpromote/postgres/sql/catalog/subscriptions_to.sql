-- Subscriptions of this database whose connection leads to dev. Most roles may not read the column.
SELECT pg_catalog.quote_ident(s.subname)
  FROM pg_catalog.pg_subscription AS s
  JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid AND d.datname = pg_catalog.current_database()
 WHERE s.subconninfo ~* %(dev)s
 ORDER BY s.subname
