-- Large objects, and a hash of their numbers, contents and comments; contents four megabytes at a time: more than half
-- a gigabyte does not fit in one value.
WITH RECURSIVE piece (object, number, size, hash) AS (
    SELECT m.oid, 0::pg_catalog.int8, first.size, first.hash
      FROM pg_catalog.pg_largeobject_metadata AS m
     CROSS JOIN LATERAL (
           SELECT pg_catalog.octet_length(read.data) AS size,
                  pg_catalog.hashtextextended(pg_catalog.concat(m.oid, ' 0 ', read.data), 0) AS hash
             FROM (SELECT pg_catalog.lo_get(m.oid, 0, 4194304) AS data OFFSET 0) AS read) AS first
     WHERE {hashed}
    UNION ALL
    SELECT p.object, p.number + 1, next.size, next.hash
      FROM piece AS p
     CROSS JOIN LATERAL (
           SELECT pg_catalog.octet_length(read.data) AS size,
                  pg_catalog.hashtextextended(pg_catalog.concat(p.object, ' ', p.number + 1, ' ', read.data), 0) AS hash
             FROM (SELECT pg_catalog.lo_get(p.object, (p.number + 1) * 4194304, 4194304) AS data OFFSET 0) AS read) AS next
     WHERE p.size = 4194304
)
SELECT 0,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata),
       CASE WHEN {hashed} THEN coalesce(pg_catalog.sum(p.hash), 0)
                 + (SELECT coalesce(pg_catalog.sum(pg_catalog.hashtextextended(
                               pg_catalog.concat(m.oid, ' comment ', d.description), 0)), 0)
                      FROM pg_catalog.pg_largeobject_metadata AS m
                      JOIN pg_catalog.pg_description AS d
                        ON d.classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass
                       AND d.objoid = m.oid AND d.objsubid = 0)
       END,
       NULL
  FROM piece AS p
