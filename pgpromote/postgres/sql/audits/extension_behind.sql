-- severity: warning
-- follows dev: no
-- ignored: Fixes of the new version are not there, and calls fail where its library no longer fits.
-- fix: ALTER EXTENSION {extension} UPDATE;
--
-- An extension in another version than the server's files bring by default, or whose files are gone. Its SQL
-- objects and its library then do not belong together.
SELECT pg_catalog.quote_ident(e.extname) AS object,
       CASE WHEN a.name IS NULL THEN 'Its files are not on the server.'
            ELSE pg_catalog.format('Installed is %s, the server brings %s.', e.extversion, a.default_version)
        END AS message,
       CASE WHEN a.name IS NOT NULL THEN pg_catalog.quote_ident(e.extname) END AS extension
  FROM pg_catalog.pg_extension AS e
  LEFT JOIN pg_catalog.pg_available_extensions AS a ON a.name = e.extname
 WHERE a.default_version IS DISTINCT FROM e.extversion
 ORDER BY e.extname
