-- When a directory of the server last changed, in seconds since 1970. Parameter: how the server calls it.
SELECT extract(epoch FROM (pg_catalog.pg_stat_file(%(inside)s)).modification)::bigint
