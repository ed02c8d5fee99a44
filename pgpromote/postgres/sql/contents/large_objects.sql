-- Large objects, and a hash of their numbers and contents.
SELECT 0,
       pg_catalog.count(*),
       CASE WHEN {hashed} THEN coalesce(pg_catalog.sum(
           pg_catalog.hashtextextended(pg_catalog.concat(m.oid, ' ', pg_catalog.lo_get(m.oid)), 0)), 0)
       END,
       NULL
  FROM pg_catalog.pg_largeobject_metadata AS m
