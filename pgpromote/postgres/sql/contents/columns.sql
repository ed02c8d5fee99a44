-- How each table's rows are hashed: one letter for each column, and the values of the row to hash; and what is copied
-- out where they cannot be queried: all but generated columns. Columns stand in the order of their names: a restore
-- gives a child another order, where its parent has got a column later, and a partition may have any.
-- v: the value itself, of a type whose equal values are written alike. The server keeps these hashes stable from
--    release to release, because partitions by hash rest on them.
-- t: its text; only the server's own types, for which no user can have written a cast.
-- r: within the text of a row, which calls the type's output function and nothing else.
WITH RECURSIVE over (domain, type) AS (
    SELECT t.oid, t.typbasetype FROM pg_catalog.pg_type AS t WHERE t.typtype = 'd'
    UNION ALL
    SELECT o.domain, t.typbasetype FROM over AS o JOIN pg_catalog.pg_type AS t ON t.oid = o.type AND t.typtype = 'd'
), based (domain, type) AS (
    -- The type at the bottom of each domain.
    SELECT o.domain, o.type FROM over AS o JOIN pg_catalog.pg_type AS t ON t.oid = o.type AND t.typtype <> 'd'
), encoded (before, after) AS (
    -- Text as its bytes in another encoding than the database's, where one is asked for.
    SELECT CASE WHEN g.encoding IS NULL THEN '' ELSE 'pg_catalog.convert_to(' END,
           coalesce(', ' || pg_catalog.quote_literal(g.encoding) || ')', '')
      FROM (SELECT %(encoding)s::text) AS g (encoding)
), "column" AS (
    SELECT a.attrelid, a.attname::text COLLATE pg_catalog."C" AS attname, pg_catalog.format('counted.%%I', a.attname) AS name,
           a.attgenerated = '' AS stored, t.typcollation <> 0 AS collated,
           CASE WHEN t.oid IN ('pg_catalog.bool'::regtype, 'pg_catalog.int2'::regtype, 'pg_catalog.int4'::regtype,
                                'pg_catalog.int8'::regtype, 'pg_catalog.oid'::regtype, 'pg_catalog.uuid'::regtype,
                                'pg_catalog.text'::regtype, 'pg_catalog."varchar"'::regtype,
                                'pg_catalog.bytea'::regtype, 'pg_catalog.date'::regtype,
                                'pg_catalog."time"'::regtype, 'pg_catalog."timestamp"'::regtype,
                                'pg_catalog.timestamptz'::regtype) THEN 'v'
                -- below 16384 are the types that every server is made with; the cast of bpchar drops blanks
                WHEN t.oid < 16384 AND t.oid <> 'pg_catalog.bpchar'::regtype THEN 't'
                ELSE 'r'
           END AS way
      FROM pg_catalog.pg_attribute AS a
      LEFT JOIN based AS b ON b.domain = a.atttypid
      JOIN pg_catalog.pg_type AS t ON t.oid = coalesce(b.type, a.atttypid)
     WHERE a.attnum > 0
       AND NOT a.attisdropped
)
SELECT n.nspname::text AS schema,
       c.relname::text AS name,
       coalesce(pg_catalog.string_agg(k.way, '' ORDER BY k.attname), '') AS ways,
       pg_catalog.concat_ws(', ',
           pg_catalog.string_agg(
               CASE WHEN k.way = 't' THEN e.before || k.name || '::pg_catalog.text' || e.after
                    -- by its bytes, also where a collation calls other bytes equal
                    WHEN k.collated THEN e.before || k.name || ' COLLATE pg_catalog."C"' || e.after
                    ELSE k.name
               END, ', ' ORDER BY k.attname) FILTER (WHERE k.way <> 'r'),
           e.before || 'ROW(' || pg_catalog.string_agg(k.name, ', ' ORDER BY k.attname) FILTER (WHERE k.way = 'r')
                  || ')::pg_catalog.text' || e.after) AS "values",
       coalesce('(' || pg_catalog.string_agg(pg_catalog.quote_ident(k.attname), ', ' ORDER BY k.attname)
                           FILTER (WHERE k.stored) || ')', '') AS copied
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN "column" AS k ON k.attrelid = c.oid
 CROSS JOIN encoded AS e
 WHERE c.relkind IN ('r', 'p', 'm')
 GROUP BY n.nspname, c.relname, e.before, e.after
 ORDER BY n.nspname, c.relname
