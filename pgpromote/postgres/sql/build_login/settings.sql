-- The settings that a role has in all databases, "name=value".
SELECT pg_catalog.unnest(r.rolconfig) AS setting FROM pg_catalog.pg_roles AS r WHERE r.rolname = %(role)s ORDER BY 1
