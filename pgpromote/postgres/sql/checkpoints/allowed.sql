-- Whether our role may ask for a checkpoint.
SELECT pg_catalog.pg_has_role('pg_checkpoint', 'USAGE')
