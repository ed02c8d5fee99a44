-- The last values of the sequences with higher numbers than one, NULL for those that were never used: only of those we
-- may read, and only as many as leave most of the lock table to others. Each stays locked until the statement ends.
SELECT s.seqrelid,
       pg_catalog.pg_sequence_last_value(s.seqrelid)
  FROM (SELECT q.seqrelid
          FROM pg_catalog.pg_sequence AS q
          JOIN pg_catalog.pg_class AS c ON c.oid = q.seqrelid
         WHERE q.seqrelid > %(after)s
           AND c.relpersistence <> 't'
           AND pg_catalog.has_sequence_privilege(q.seqrelid, 'SELECT, USAGE')
         ORDER BY q.seqrelid
         LIMIT pg_catalog.current_setting('max_locks_per_transaction')::pg_catalog.int8
               * pg_catalog.current_setting('max_connections')::pg_catalog.int8 / 4
       ) AS s
 ORDER BY s.seqrelid
