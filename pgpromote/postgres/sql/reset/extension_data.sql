-- The tables and sequences of the given extensions that hold a user's data, and the query that tells whether there is any.
-- The condition comes from the extension's own script: it leaves out rows that the extension brings itself.
SELECT e.extname::text AS extension,
       pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS identity,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
           AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable,
       pg_catalog.format('SELECT EXISTS (SELECT FROM ONLY %%I.%%I %%s)', n.nspname, c.relname,
                         CASE c.relkind WHEN 'S' THEN 'WHERE is_called' ELSE config.condition END) AS query
  FROM pg_catalog.pg_extension AS e
 CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(e.extconfig), pg_catalog.unnest(e.extcondition)) AS config (relid, condition)
  JOIN pg_catalog.pg_class AS c ON c.oid = config.relid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE e.oid = ANY (%(extensions)s::oid[])
 ORDER BY e.extname, n.nspname, c.relname
