-- Entries of an archive whose object is not in this database.
-- Parameters: kinds, schemas and names of the entries, as three parallel lists.
WITH wanted (kind, schema, name) AS (
    SELECT DISTINCT entry.kind, entry.schema, entry.name
      FROM ROWS FROM (
               pg_catalog.unnest(%(kinds)s::text[]),
               pg_catalog.unnest(%(schemas)s::text[]),
               pg_catalog.unnest(%(names)s::text[])
           ) AS entry (kind, schema, name)
), named (kind, classid, objid, schema, name) AS (
    {named}
), relation AS (
    SELECT c.oid, c.relkind, c.relispartition, c.relrowsecurity, n.nspname, c.relname
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
), present (entry, schema, name) AS (
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
    UNION ALL
    SELECT s.entry, r.nspname, r.relname
      FROM relation AS r
      JOIN (VALUES ('r', 'TABLE'), ('p', 'TABLE'), ('f', 'FOREIGN TABLE'), ('v', 'VIEW'),
                   ('m', 'MATERIALIZED VIEW'), ('S', 'SEQUENCE'), ('i', 'INDEX'), ('I', 'INDEX')) AS s (relkind, entry)
        ON s.relkind = r.relkind::text
    UNION ALL
    SELECT CASE WHEN r.relkind IN ('i', 'I') THEN 'INDEX ATTACH' ELSE 'TABLE ATTACH' END, r.nspname, r.relname
      FROM relation AS r
     WHERE r.relispartition
    UNION ALL
    SELECT 'ROW SECURITY', r.nspname, r.relname FROM relation AS r WHERE r.relrowsecurity
    UNION ALL
    SELECT s.entry, r.nspname, r.relname || ' ' || k.conname
      FROM pg_catalog.pg_constraint AS k
      JOIN relation AS r ON r.oid = k.conrelid
      JOIN (VALUES ('p', 'CONSTRAINT'), ('u', 'CONSTRAINT'), ('x', 'CONSTRAINT'), ('f', 'FK CONSTRAINT'),
                   ('c', 'CHECK CONSTRAINT'), ('n', 'CONSTRAINT')) AS s (contype, entry)
        ON s.contype = k.contype::text
    UNION ALL
    SELECT 'CHECK CONSTRAINT', n.nspname, t.typname || ' ' || k.conname
      FROM pg_catalog.pg_constraint AS k
      JOIN pg_catalog.pg_type AS t ON t.oid = k.contypid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
    UNION ALL
    SELECT 'TRIGGER', r.nspname, r.relname || ' ' || g.tgname
      FROM pg_catalog.pg_trigger AS g JOIN relation AS r ON r.oid = g.tgrelid WHERE NOT g.tgisinternal
    UNION ALL
    SELECT 'RULE', r.nspname, r.relname || ' ' || w.rulename
      FROM pg_catalog.pg_rewrite AS w JOIN relation AS r ON r.oid = w.ev_class
    UNION ALL
    SELECT 'POLICY', r.nspname, r.relname || ' ' || p.polname
      FROM pg_catalog.pg_policy AS p JOIN relation AS r ON r.oid = p.polrelid
    UNION ALL
    SELECT 'DEFAULT', r.nspname, r.relname || ' ' || a.attname
      FROM pg_catalog.pg_attrdef AS d
      JOIN relation AS r ON r.oid = d.adrelid
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    UNION ALL
    SELECT 'STATISTICS', n.nspname, x.stxname
      FROM pg_catalog.pg_statistic_ext AS x JOIN pg_catalog.pg_namespace AS n ON n.oid = x.stxnamespace
), absent (kind, schema, name) AS (
    -- Not by NOT EXISTS: the server takes the lists for short, and would search once for every entry.
    SELECT w.kind COLLATE "C", w.schema COLLATE "C", w.name COLLATE "C" FROM wanted AS w
    EXCEPT
    SELECT p.entry COLLATE "C", p.schema::text COLLATE "C", p.name::text COLLATE "C" FROM present AS p
)
SELECT a.kind, a.schema, a.name
  FROM absent AS a
 WHERE a.kind IN (SELECT p.entry FROM present AS p
                   UNION
                  SELECT known.entry
                    FROM (VALUES ('TABLE'), ('VIEW'), ('MATERIALIZED VIEW'), ('SEQUENCE'), ('INDEX'), ('CONSTRAINT'),
                                 ('FK CONSTRAINT'), ('CHECK CONSTRAINT'), ('TRIGGER'), ('RULE'), ('POLICY'), ('DEFAULT'),
                                 ('FUNCTION'), ('PROCEDURE'), ('AGGREGATE'), ('TYPE'), ('DOMAIN'), ('SCHEMA'),
                                 ('ROW SECURITY'), ('TABLE ATTACH'), ('INDEX ATTACH'), ('STATISTICS'),
                                 ('OPERATOR'), ('COLLATION'), ('EVENT TRIGGER'), ('FOREIGN TABLE')) AS known (entry))
   AND NOT (a.kind = 'SCHEMA' AND a.name = 'public')
 ORDER BY a.kind, a.schema, a.name
