-- Large objects of prod that the restore replaces, some hundred of one owner at a time: the statement that makes room
-- for them, and their owner. Each takes a lock. Parameter: the numbers of the archive's.
SELECT 'large objects' AS identity,
       o.owner,
       pg_catalog.bool_and(o.ours) AS ours,
       pg_catalog.format(
           'SELECT pg_catalog.lo_unlink(m.oid) FROM pg_catalog.pg_largeobject_metadata AS m WHERE m.oid = ANY (%%L)',
           pg_catalog.array_agg(o.oid ORDER BY o.oid)) AS statement,
       pg_catalog.count(*) || ' large object(s), the first of them ' || pg_catalog.min(o.oid) AS description
  FROM (SELECT m.oid,
               pg_catalog.pg_get_userbyid(m.lomowner)::text AS owner,
               pg_catalog.pg_has_role(m.lomowner, 'USAGE') AS ours,
               pg_catalog.row_number() OVER (PARTITION BY m.lomowner ORDER BY m.oid) AS place
          FROM pg_catalog.pg_largeobject_metadata AS m
         WHERE m.oid = ANY (%(numbers)s::oid[])
       ) AS o
 GROUP BY o.owner, (o.place - 1) / 500
 ORDER BY pg_catalog.min(o.oid)
