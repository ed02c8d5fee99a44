-- What is only there or not, named as pg_dump names it: all that an archive brings and that has no state of its own.
WITH named (kind, classid, objid, schema, name) AS (
    {named}
), relation AS (
    SELECT c.oid, c.relkind, c.relrowsecurity, n.nspname, c.relname
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
), object (kind, schema, name) AS (
    SELECT s.entry, o.schema, o.name
      FROM named AS o
      JOIN (VALUES ('type', 'TYPE'), ('type', 'DOMAIN'), ('routine', 'FUNCTION'), ('routine', 'PROCEDURE'),
                   ('routine', 'AGGREGATE'), ('operator', 'OPERATOR'), ('operator class', 'OPERATOR CLASS'),
                   ('operator family', 'OPERATOR FAMILY'), ('collation', 'COLLATION'), ('schema', 'SCHEMA'),
                   ('event trigger', 'EVENT TRIGGER'), ('cast', 'CAST'),
                   ('text search configuration', 'TEXT SEARCH CONFIGURATION'),
                   ('text search dictionary', 'TEXT SEARCH DICTIONARY'),
                   ('text search parser', 'TEXT SEARCH PARSER'),
                   ('text search template', 'TEXT SEARCH TEMPLATE'),
                   ('foreign-data wrapper', 'FOREIGN DATA WRAPPER'), ('server', 'SERVER')) AS s (kind, entry)
        ON s.kind = o.kind
     WHERE o.kind <> 'relation'
    UNION ALL
    SELECT CASE r.relkind WHEN 'v' THEN 'VIEW' ELSE 'FOREIGN TABLE' END, r.nspname, r.relname
      FROM relation AS r
     WHERE r.relkind IN ('v', 'f')
    UNION ALL
    SELECT 'ROW SECURITY', r.nspname, r.relname FROM relation AS r WHERE r.relrowsecurity
    UNION ALL
    SELECT 'DEFAULT', r.nspname, r.relname || ' ' || a.attname
      FROM pg_catalog.pg_attrdef AS d
      JOIN relation AS r ON r.oid = d.adrelid
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    UNION ALL
    SELECT 'STATISTICS', n.nspname, x.stxname
      FROM pg_catalog.pg_statistic_ext AS x JOIN pg_catalog.pg_namespace AS n ON n.oid = x.stxnamespace
)
SELECT o.kind, o.schema::text, ARRAY[]::text[] AS facts, pg_catalog.array_agg(o.name::text) AS names
  FROM object AS o
 GROUP BY 1, 2
 ORDER BY 1, 2
