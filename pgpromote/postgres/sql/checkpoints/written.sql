-- How many bytes the write-ahead log has got since the last checkpoint began.
SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), c.redo_lsn)::pg_catalog.int8
  FROM pg_catalog.pg_control_checkpoint() AS c
