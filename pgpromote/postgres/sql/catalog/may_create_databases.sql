-- Whether our role may create databases on prod's server.
SELECT r.rolcreatedb OR r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER
