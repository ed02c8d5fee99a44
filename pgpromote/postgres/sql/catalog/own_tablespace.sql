-- The tablespace of this database.
SELECT t.spcname::text
  FROM pg_catalog.pg_database AS d
  JOIN pg_catalog.pg_tablespace AS t ON t.oid = d.dattablespace
 WHERE d.datname = pg_catalog.current_database()
