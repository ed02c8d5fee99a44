-- One row when there is a database of this name.
SELECT d.datname FROM pg_catalog.pg_database AS d WHERE d.datname = %(name)s
