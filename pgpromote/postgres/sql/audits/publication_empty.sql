-- severity: warning
-- follows dev: yes
-- ignored: Its subscribers wait and get nothing, without any error.
-- fix: ALTER PUBLICATION {publication} ADD TABLE ...;
--
-- A publication that publishes no table. Dropping and restoring a published table takes it out of its
-- publications.
SELECT pg_catalog.quote_ident(p.pubname) AS object,
       'It publishes no table.' AS message,
       pg_catalog.quote_ident(p.pubname) AS publication
  FROM pg_catalog.pg_publication AS p
 WHERE NOT p.puballtables
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_publication_rel AS r WHERE r.prpubid = p.oid)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_publication_namespace AS s WHERE s.pnpubid = p.oid)
 ORDER BY p.pubname
