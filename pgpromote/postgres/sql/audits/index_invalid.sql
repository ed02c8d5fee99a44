-- severity: warning
-- follows dev: yes
-- ignored: Queries do without it, a unique one lets duplicates in, and every write still pays for it.
-- fix: REINDEX INDEX CONCURRENTLY {index};
--
-- An index that cannot be used: a CREATE INDEX CONCURRENTLY was broken off, or a partition lacks its part of a
-- partitioned index.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       CASE WHEN c.relkind = 'I' THEN 'A partition lacks its part of this index, so the whole is not valid.'
            ELSE 'The index is not valid; queries do not use it.'
        END AS message,
       CASE WHEN c.relkind = 'i' THEN pg_catalog.format('%I.%I', n.nspname, c.relname) END AS index
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.oid >= 16384  -- the first number a user's object can have
   AND c.relpersistence <> 't'
   AND NOT (i.indisvalid AND i.indisready AND i.indislive)
 ORDER BY n.nspname, c.relname
