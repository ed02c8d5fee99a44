-- The columns of these tables, views and foreign tables; of all when "tables" is NULL.
SELECT t.name,
       COALESCE(pg_catalog.array_agg(pg_catalog.quote_ident(a.attname) ORDER BY a.attnum) FILTER (WHERE a.attnum <> 0),
                '{}') AS columns
  FROM (SELECT c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
          FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
           AND n.nspname !~ '^pg_(toast$|temp_|toast_temp_)'
       ) AS t
  LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND NOT a.attisdropped
 WHERE %(tables)s::text[] IS NULL OR t.name = ANY (%(tables)s)
 GROUP BY t.name
 ORDER BY t.name
