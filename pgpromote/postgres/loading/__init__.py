"""Loading of an archive into a database: pg_restore in passes, its messages, views, statistics."""
