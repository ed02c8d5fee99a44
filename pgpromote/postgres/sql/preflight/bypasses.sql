-- Whether row security never hides a row from our role.
SELECT r.rolsuper OR r.rolbypassrls FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER
