-- Every sequence that does not start again at its end, with its step.
SELECT n.nspname::text, c.relname::text, s.seqincrement
  FROM pg_catalog.pg_sequence AS s
  JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE NOT s.seqcycle
 ORDER BY 1, 2
