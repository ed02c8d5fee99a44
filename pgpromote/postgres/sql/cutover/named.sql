-- The OIDs behind the two names, in the order of the parameters.
SELECT (SELECT d.oid::bigint FROM pg_catalog.pg_database AS d WHERE d.datname = %(prod)s) AS prod,
       (SELECT d.oid::bigint FROM pg_catalog.pg_database AS d WHERE d.datname = %(previous)s) AS previous
