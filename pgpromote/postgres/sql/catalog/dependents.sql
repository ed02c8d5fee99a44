-- Objects that only prod has and that depend on one the restore replaces: they would be lost with it.
-- Parameters: kinds, schemas and names of the archive's entries, as three parallel lists; reset_schema, which
-- is dropped before with everything in it ('' for none). What hangs on that schema is the reset's own business.
WITH RECURSIVE wanted (kind, schema, name) AS (
    SELECT entry.kind, entry.schema, entry.name
      FROM ROWS FROM (
               pg_catalog.unnest(%(kinds)s::text[]),
               pg_catalog.unnest(%(schemas)s::text[]),
               pg_catalog.unnest(%(names)s::text[])
           ) AS entry (kind, schema, name)
), named (kind, classid, objid, schema, name) AS (
    {named}
), sort (kind, entry) AS (
    VALUES ('relation', 'TABLE'), ('relation', 'FOREIGN TABLE'), ('relation', 'VIEW'),
           ('relation', 'MATERIALIZED VIEW'), ('relation', 'SEQUENCE'), ('type', 'TYPE'), ('type', 'DOMAIN'),
           ('routine', 'FUNCTION'), ('routine', 'PROCEDURE'), ('routine', 'AGGREGATE'),
           ('operator', 'OPERATOR'), ('operator class', 'OPERATOR CLASS'),
           ('operator family', 'OPERATOR FAMILY'), ('collation', 'COLLATION'), ('schema', 'SCHEMA'),
           ('event trigger', 'EVENT TRIGGER'), ('cast', 'CAST'),
           ('text search configuration', 'TEXT SEARCH CONFIGURATION'),
           ('text search dictionary', 'TEXT SEARCH DICTIONARY'), ('text search parser', 'TEXT SEARCH PARSER'),
           ('text search template', 'TEXT SEARCH TEMPLATE'), ('language', 'PROCEDURAL LANGUAGE'),
           ('access method', 'ACCESS METHOD'), ('foreign-data wrapper', 'FOREIGN DATA WRAPPER'),
           ('server', 'SERVER'), ('user mapping', 'USER MAPPING')
), partition AS (
    SELECT c.oid FROM pg_catalog.pg_class AS c WHERE c.relispartition AND c.relkind IN ('r', 'p', 'f')
), replaced (classid, objid, by_reset) AS (
    SELECT n.classid::oid, n.objid, false
      FROM named AS n
      JOIN sort AS s ON s.kind = n.kind
      JOIN wanted AS w ON w.kind = s.entry AND w.schema = n.schema AND w.name = n.name
    UNION
    SELECT n.classid::oid, n.objid, true
      FROM named AS n
     WHERE n.schema = nullif(%(reset_schema)s, '')
    UNION
    -- what belongs to a replaced object goes with it: row types, identity sequences, constraints, indexes;
    -- a partition holds rows of its own, and goes unseen only where the archive has it, too
    SELECT d.classid, d.objid, r.by_reset
      FROM replaced AS r
      JOIN pg_catalog.pg_depend AS d ON d.refclassid = r.classid AND d.refobjid = r.objid
      LEFT JOIN partition AS p ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.oid = d.objid
     WHERE d.deptype IN ('i', 'a', 'P', 'S')
       AND p.oid IS NULL
)
SELECT DISTINCT ON (dependent)
       CASE WHEN query.oid IS NULL THEN pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
            ELSE pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, query.ev_class, 0)
       END AS dependent,
       pg_catalog.pg_describe_object(r.classid, r.objid, 0) AS needed
  FROM replaced AS r
  JOIN pg_catalog.pg_depend AS d ON d.refclassid = r.classid AND d.refobjid = r.objid
  LEFT JOIN partition AS p ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.oid = d.objid
  LEFT JOIN pg_catalog.pg_rewrite AS query
    ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND query.oid = d.objid AND query.rulename = '_RETURN'
 WHERE (d.deptype = 'n' OR p.oid IS NOT NULL)
   AND NOT r.by_reset
   -- Not by NOT EXISTS: the server takes the recursive list for short, and would search it once for every row.
   AND (d.classid, d.objid) NOT IN (SELECT also.classid, also.objid FROM replaced AS also)
 -- of a table and its index, the table is named
 ORDER BY dependent, needed DESC
