-- Objects of prod that the restore replaces: the statement that makes room for each, in an order in which they can
-- run, and its owner. The statement is NULL where an object of another sort has the name, which no restore may take.
-- CASCADE is safe only together with dependents.sql, which finds whatever else it would take. Schemas go last and
-- without it. All is dropped here and nothing by pg_restore: its own statements fail once a type or schema is gone.
-- Parameters: those of brought.sql.
WITH named (kind, classid, objid, schema, name) AS (
    {named}
), brought (kind, classid, objid, schema, name) AS (
    {brought}
), relation AS (
    SELECT b.classid, c.oid, c.relkind, pg_catalog.format('%%I.%%I', b.schema, b.name) AS identity
      FROM brought AS b
      JOIN pg_catalog.pg_class AS c ON c.oid = b.objid
     WHERE b.kind = 'relation'
), object (place, classid, objid, identity, sort, named_as, way) AS (
    SELECT 1, r.classid, r.oid, r.identity,
           CASE r.relkind
               WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'TABLE' WHEN 'f' THEN 'FOREIGN TABLE'
               WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
           END,
           r.identity, ' CASCADE'
      FROM relation AS r
     -- an identity's sequence goes with its table
     WHERE NOT EXISTS (
           SELECT
             FROM pg_catalog.pg_depend AS d
             JOIN relation AS its_table ON its_table.oid = d.refobjid
            WHERE r.relkind = 'S' AND d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid
              AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'i')
    UNION ALL
    SELECT 1, b.classid, b.objid, pg_catalog.format('%%I.%%I', b.schema, b.name),
           CASE WHEN t.typrelid = 0 OR c.relkind = 'c' THEN 'TYPE' END,
           pg_catalog.format('%%I.%%I', b.schema, b.name), ' CASCADE'
      FROM brought AS b
      JOIN pg_catalog.pg_type AS t ON t.oid = b.objid
      LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
     WHERE b.kind = 'type'
    UNION ALL
    -- by its input types, as a function: ROUTINE has no form for the ORDER BY of an aggregate
    SELECT 1, b.classid, b.objid,
           pg_catalog.format('%%I.%%I(%%s)', b.schema, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)),
           'ROUTINE',
           pg_catalog.format('%%I.%%I(%%s)', b.schema, p.proname, (
               SELECT pg_catalog.string_agg('IN ' || pg_catalog.format_type(a.type, NULL), ', ' ORDER BY a.number)
                 FROM pg_catalog.unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, number))),
           ' CASCADE'
      FROM brought AS b
      JOIN pg_catalog.pg_proc AS p ON p.oid = b.objid
     WHERE b.kind = 'routine'
    UNION ALL
    SELECT CASE WHEN b.kind = 'subscription' THEN 0
                WHEN b.kind = 'schema' THEN 4
                WHEN b.kind IN ('access method', 'language') THEN 3
                ELSE 2 END,
           b.classid, b.objid, i.identity,
           CASE b.kind WHEN 'foreign-data wrapper' THEN 'FOREIGN DATA WRAPPER' ELSE pg_catalog.upper(b.kind) END,
           CASE b.kind WHEN 'user mapping' THEN (
                    SELECT pg_catalog.format('FOR %%s SERVER %%I',
                               CASE m.umuser WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(m.usename) END, m.srvname)
                      FROM pg_catalog.pg_user_mappings AS m
                     WHERE m.umid = b.objid)
                ELSE i.identity END,
           CASE WHEN b.kind IN ('schema', 'user mapping') THEN '' ELSE ' CASCADE' END
      FROM brought AS b
     CROSS JOIN LATERAL pg_catalog.pg_identify_object(b.classid, b.objid, 0) AS i
     WHERE b.kind NOT IN ('relation', 'type', 'routine')
    UNION ALL
    -- nobody misses it, but a schema that holds it cannot go
    SELECT 2, n.classid::oid, n.objid, i.identity, 'OPERATOR', i.identity, ''
      FROM named AS n
      JOIN brought AS b ON b.kind = 'schema' AND b.name = n.schema
     CROSS JOIN LATERAL pg_catalog.pg_identify_object(n.classid, n.objid, 0) AS i
     WHERE n.kind = 'shell operator'
    UNION ALL
    -- an index of that name on a table that stays
    SELECT 1, n.classid::oid, n.objid, pg_catalog.format('%%I.%%I', n.schema, n.name), NULL, NULL, NULL
      FROM named AS n
      JOIN pg_catalog.pg_index AS x ON x.indexrelid = n.objid
      JOIN ROWS FROM (pg_catalog.unnest(%(kinds)s::text[]), pg_catalog.unnest(%(schemas)s::text[]),
                      pg_catalog.unnest(%(names)s::text[])) AS w (kind, schema, name)
        ON w.kind = 'INDEX' AND w.schema = n.schema AND w.name = n.name
     WHERE n.kind = 'relation'
       AND x.indrelid NOT IN (SELECT r.oid FROM relation AS r)
)
SELECT o.identity,
       owner.rolname::text AS owner,
       pg_catalog.pg_has_role(owner.oid, 'USAGE') OR o.sort IN ('CAST', 'TRANSFORM', 'USER MAPPING') AS ours,
       CASE WHEN EXISTS (
                SELECT FROM pg_catalog.pg_depend AS d
                 WHERE d.classid = o.classid AND d.objid = o.objid AND d.deptype = 'e')
            THEN NULL
            -- without its slot, which the transaction could not drop and the archive's own may name
            WHEN o.sort = 'SUBSCRIPTION'
            THEN pg_catalog.format('ALTER SUBSCRIPTION %%1$s DISABLE; ALTER SUBSCRIPTION %%1$s SET (slot_name = NONE); '
                                   'DROP SUBSCRIPTION %%1$s', o.named_as)
            ELSE 'DROP ' || o.sort || ' IF EXISTS ' || o.named_as || o.way
       END AS statement,
       pg_catalog.pg_describe_object(o.classid, o.objid, 0) AS description
  FROM object AS o
  LEFT JOIN pg_catalog.pg_shdepend AS mine
    ON mine.classid = o.classid AND mine.objid = o.objid AND mine.objsubid = 0 AND mine.deptype = 'o'
   AND mine.dbid IN (0, (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()))
  -- of the first role's objects the server keeps no such note
  JOIN pg_catalog.pg_roles AS owner ON owner.oid = coalesce(mine.refobjid, 10)
 ORDER BY o.place, o.identity
