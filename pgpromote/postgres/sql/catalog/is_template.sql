-- Whether this database is a template for others.
SELECT d.datistemplate FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
