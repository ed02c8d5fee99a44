-- Where the server keeps its data; no row for a role that may not ask when it changed.
SELECT s.setting::text
  FROM pg_catalog.pg_settings AS s
 WHERE s.name = 'data_directory'
   AND pg_catalog.has_function_privilege('pg_catalog.pg_stat_file(text)', 'EXECUTE')
