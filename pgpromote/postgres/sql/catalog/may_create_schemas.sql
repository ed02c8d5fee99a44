-- Whether our role may create schemas in prod.
SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
