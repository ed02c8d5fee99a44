-- The objects of prod that entries of the archive name, out of the query's own list `named`.
-- Parameters: kinds, schemas, names and drop statements of the entries, as four parallel lists. Operators and
-- what indexes them may share a name, and only the drop statement tells them apart; which words it quotes depends
-- on the version of pg_dump.
SELECT DISTINCT n.kind, n.classid::pg_catalog.oid AS classid, n.objid, n.schema, n.name
  FROM named AS n
  JOIN (VALUES ('relation', 'TABLE'), ('relation', 'FOREIGN TABLE'), ('relation', 'VIEW'),
               ('relation', 'MATERIALIZED VIEW'), ('relation', 'SEQUENCE'), ('type', 'TYPE'), ('type', 'DOMAIN'),
               ('routine', 'FUNCTION'), ('routine', 'PROCEDURE'), ('routine', 'AGGREGATE'),
               ('operator', 'OPERATOR'), ('operator class', 'OPERATOR CLASS'),
               ('operator family', 'OPERATOR FAMILY'), ('collation', 'COLLATION'), ('conversion', 'CONVERSION'),
               ('statistics', 'STATISTICS'), ('schema', 'SCHEMA'), ('event trigger', 'EVENT TRIGGER'),
               ('cast', 'CAST'), ('transform', 'TRANSFORM'),
               ('text search configuration', 'TEXT SEARCH CONFIGURATION'),
               ('text search dictionary', 'TEXT SEARCH DICTIONARY'), ('text search parser', 'TEXT SEARCH PARSER'),
               ('text search template', 'TEXT SEARCH TEMPLATE'), ('language', 'PROCEDURAL LANGUAGE'),
               ('access method', 'ACCESS METHOD'), ('foreign-data wrapper', 'FOREIGN DATA WRAPPER'),
               ('server', 'SERVER'), ('user mapping', 'USER MAPPING'), ('publication', 'PUBLICATION'),
               ('subscription', 'SUBSCRIPTION')) AS s (kind, entry)
    ON s.kind = n.kind
  JOIN ROWS FROM (
           pg_catalog.unnest(%(kinds)s::text[]),
           pg_catalog.unnest(%(schemas)s::text[]),
           pg_catalog.unnest(%(names)s::text[]),
           pg_catalog.unnest(%(drops)s::text[])
       ) AS w (kind, schema, name, dropped)
    ON w.kind = s.entry AND w.schema = n.schema AND w.name = n.name
 WHERE coalesce(
           pg_catalog.replace(CASE n.kind
               WHEN 'operator' THEN (
                   SELECT pg_catalog.format('%%s.%%s (%%s, %%s)', n.schema, n.name,
                              CASE o.oprleft WHEN 0 THEN 'NONE' ELSE pg_catalog.format_type(o.oprleft, NULL) END,
                              CASE o.oprright WHEN 0 THEN 'NONE' ELSE pg_catalog.format_type(o.oprright, NULL) END)
                     FROM pg_catalog.pg_operator AS o
                    WHERE o.oid = n.objid)
               WHEN 'operator class' THEN (
                   SELECT pg_catalog.format('%%s.%%s USING %%s', n.schema, n.name, a.amname)
                     FROM pg_catalog.pg_opclass AS o
                     JOIN pg_catalog.pg_am AS a ON a.oid = o.opcmethod
                    WHERE o.oid = n.objid)
               WHEN 'operator family' THEN (
                   SELECT pg_catalog.format('%%s.%%s USING %%s', n.schema, n.name, a.amname)
                     FROM pg_catalog.pg_opfamily AS o
                     JOIN pg_catalog.pg_am AS a ON a.oid = o.opfmethod
                    WHERE o.oid = n.objid)
           END, '"', '')
           = pg_catalog.regexp_replace(w.dropped, '^DROP (OPERATOR CLASS|OPERATOR FAMILY|OPERATOR) |;\s*$|"', '', 'g'),
           true)
