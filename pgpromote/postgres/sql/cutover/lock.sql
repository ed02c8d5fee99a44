-- Wait until no other cut-over of this prod is under way, and keep others out until the transaction ends.
SELECT pg_catalog.pg_advisory_xact_lock(%(class)s, pg_catalog.hashtext('cut-over of ' || %(prod)s))
