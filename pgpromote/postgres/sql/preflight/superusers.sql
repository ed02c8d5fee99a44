-- The roles that nobody should be let act as.
SELECT r.rolname::pg_catalog.text FROM pg_catalog.pg_roles AS r WHERE r.rolsuper ORDER BY r.rolname
