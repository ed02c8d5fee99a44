-- Try the advisory lock until the transaction ends; true when we now hold it.
SELECT pg_catalog.pg_try_advisory_xact_lock(%(class)s, pg_catalog.hashtext(%(name)s))
