-- Triggers of these tables that fire when rows are copied into them: of INSERT (4), switched on in an ordinary
-- session, and not the server's own behind a foreign key. In the shape of access.Firing.
-- Parameters: schemas and names, as two parallel lists.
SELECT n.nspname::pg_catalog.text AS schema,
       c.relname::pg_catalog.text AS name,
       pg_catalog.array_agg(pg_catalog.quote_ident(t.tgname) ORDER BY t.tgname) AS triggers
  FROM ROWS FROM (pg_catalog.unnest(%(schemas)s::pg_catalog.text[]), pg_catalog.unnest(%(names)s::pg_catalog.text[]))
       AS w (schema, name)
  JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
  JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
  JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = c.oid
 WHERE NOT t.tgisinternal
   AND t.tgtype & 4 = 4
   AND t.tgenabled IN ('O', 'A')
 GROUP BY n.nspname, c.relname
 ORDER BY n.nspname, c.relname
