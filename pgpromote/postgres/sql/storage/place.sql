-- Where a table without a schema would be created; null if no schema of the search path exists.
SELECT pg_catalog.current_schema()::text AS schema,
       current_user::text AS role,
       COALESCE(pg_catalog.has_schema_privilege(pg_catalog.current_schema()::text, 'CREATE'), false) AS creatable
