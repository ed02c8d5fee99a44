-- Try the advisory lock; true when we now hold it.
SELECT pg_catalog.pg_try_advisory_lock(%(class)s, pg_catalog.hashtext(%(name)s))
