-- When the server's data directory last changed, in seconds since 1970.
SELECT extract(epoch FROM (pg_catalog.pg_stat_file('.')).modification)::bigint
