-- The names of all sessions of promotions on this server. The names of others' sessions are visible to everybody.
SELECT DISTINCT a.application_name::text AS name
  FROM pg_catalog.pg_stat_activity AS a
 WHERE pg_catalog.starts_with(a.application_name, %(application)s || ':')
 ORDER BY 1
