-- Take the advisory lock of a prod as soon as it is free. It ends with the session.
SELECT pg_catalog.pg_advisory_lock(%(class)s, pg_catalog.hashtext(%(name)s))
