-- severity: warning
-- follows dev: yes
-- ignored: Every UPDATE and DELETE of it fails while the publication is there.
-- fix: ALTER TABLE {table} REPLICA IDENTITY FULL;
--
-- A published table whose rows cannot be named to a subscriber: it has no replica identity, by default its primary
-- key.
SELECT DISTINCT
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       'It is published and has no replica identity: UPDATE and DELETE fail.' AS message,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table"
  FROM pg_catalog.pg_publication AS p
  JOIN pg_catalog.pg_publication_tables AS t ON t.pubname = p.pubname
  JOIN pg_catalog.pg_namespace AS n ON n.nspname = t.schemaname
  JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = t.tablename AND c.relkind = 'r'
 WHERE (p.pubupdate OR p.pubdelete)
   AND CASE c.relreplident
       WHEN 'f' THEN false
       WHEN 'n' THEN true
       WHEN 'd' THEN NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary)
       ELSE NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisreplident)
       END
 ORDER BY object
