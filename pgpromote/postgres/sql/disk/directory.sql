-- Where the server keeps the tables of this database, that is a tablespace's directory or its own; how the server itself
-- calls that place, and its own directory. No row for a role that may not ask when it changed.
SELECT CASE WHEN t.location = '' THEN s.setting
            WHEN t.location ~ '^/' THEN t.location
            ELSE s.setting || '/' || t.location END AS path,
       CASE WHEN t.location = '' THEN '.' ELSE 'pg_tblspc/' || t.oid END AS inside,
       CASE WHEN t.location = '' THEN '' ELSE t.name END AS tablespace,
       s.setting AS own
  FROM (SELECT x.oid, x.spcname::text AS name, pg_catalog.pg_tablespace_location(x.oid) AS location
          FROM pg_catalog.pg_database AS d
          JOIN pg_catalog.pg_tablespace AS x ON x.oid = d.dattablespace
         WHERE d.datname = pg_catalog.current_database()) AS t
  JOIN pg_catalog.pg_settings AS s ON s.name = 'data_directory'
 WHERE pg_catalog.has_function_privilege('pg_catalog.pg_stat_file(text)', 'EXECUTE')
