-- Integer primary keys that nothing fills: one row per key, in the shape of repair.Feed without a sequence.
-- `reason` says why repair must leave the key alone; it is empty where an identity is right.
WITH RECURSIVE integers AS (
    SELECT t.oid, t.oid AS base
      FROM pg_catalog.pg_type AS t
     WHERE t.oid IN ('pg_catalog.int2'::pg_catalog.regtype, 'pg_catalog.int4'::pg_catalog.regtype,
                     'pg_catalog.int8'::pg_catalog.regtype)
     UNION ALL
    SELECT d.oid, i.base
      FROM integers AS i
      JOIN pg_catalog.pg_type AS d ON d.typbasetype = i.oid
), keys AS (
    -- `own`: the key's columns that are not there only because partitioning demands them.
    SELECT k.conrelid AS "table",
           k.conkey AS "all",
           CASE WHEN pg_catalog.cardinality(k.conkey) = 1 OR p.partattrs IS NULL THEN k.conkey
                ELSE ARRAY(SELECT n FROM pg_catalog.unnest(k.conkey) AS n
                            WHERE n <> ALL (p.partattrs::pg_catalog.int2[]))
            END AS own
      FROM pg_catalog.pg_constraint AS k
      LEFT JOIN pg_catalog.pg_partitioned_table AS p ON p.partrelid = k.conrelid
     WHERE k.contype = 'p'
       AND k.conrelid >= 16384  -- the first number a user's object can have: the catalogs' own keys lie below
       AND (%(table)s::pg_catalog.oid IS NULL OR k.conrelid = %(table)s)
), empty AS (
    SELECT k."table",
           pg_catalog.cardinality(k.own) <> 1 AS composite,
           pg_catalog.min(a.attname::pg_catalog.text) AS "column",
           pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns,
           pg_catalog.bool_or(a.atttypid <> i.base) AS domain,
           pg_catalog.min(CASE i.base WHEN 'pg_catalog.int2'::pg_catalog.regtype THEN 32767
                                      WHEN 'pg_catalog.int4'::pg_catalog.regtype THEN 2147483647
                                      ELSE 9223372036854775807 END) AS high
      FROM keys AS k
      JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = k."table"
       AND a.attnum = ANY (CASE WHEN pg_catalog.cardinality(k.own) = 1 THEN k.own ELSE k."all" END)
      JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
      JOIN integers AS i ON i.oid = a.atttypid
     GROUP BY k."table", k.own
    HAVING pg_catalog.bool_and(NOT a.atthasdef AND a.attidentity = '' AND t.typdefaultbin IS NULL)
), family AS (
    -- Each of these tables with all its partitions and children, itself included.
    SELECT e."table" AS root, e."table" AS member
      FROM empty AS e
     UNION
    SELECT f.root, i.inhrelid
      FROM family AS f
      JOIN pg_catalog.pg_inherits AS i ON i.inhparent = f.member
), foreign_keys AS (
    SELECT f.root AS "table", a.attname::pg_catalog.text AS "column"
      FROM family AS f
      JOIN pg_catalog.pg_constraint AS c ON c.conrelid = f.member AND c.contype = 'f'
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.member AND a.attnum = ANY (c.conkey)
), filled_partitions AS (
    SELECT f.root AS "table", a.attname::pg_catalog.text AS "column"
      FROM family AS f
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.member AND (a.atthasdef OR a.attidentity <> '')
), interceptors AS (
    -- What may set the key itself: a trigger with the bits ROW (1), BEFORE (2) and INSERT (4), or a rule.
    SELECT f.root AS "table"
      FROM family AS f
      JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = f.member AND NOT t.tgisinternal AND t.tgtype & 7 = 7
     UNION ALL
    SELECT f.root
      FROM family AS f
      JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = f.member AND r.ev_type = '3'
), owned_sequences AS (
    SELECT d.refobjid AS "table", a.attname::pg_catalog.text AS "column"
      FROM pg_catalog.pg_depend AS d
      JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.deptype = 'a'
)
SELECT c.oid::pg_catalog.int8 AS "table",
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
       e.columns AS "column",
       NULL::pg_catalog.text AS sequence,
       ARRAY[c.oid::pg_catalog.int8] AS tables,
       ARRAY[pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)] AS users,
       ARRAY[e.columns] AS columns,
       1::pg_catalog.int8 AS start,
       1::pg_catalog.int8 AS increment,
       1::pg_catalog.int8 AS low,
       e.high,
       false AS cycle,
       c.relkind = 'p' AND pg_catalog.current_setting('server_version_num')::pg_catalog.int4 < 170000 AS parent_only,
       r.reason,
       r.reason = '' AS readable
  FROM empty AS e
  JOIN pg_catalog.pg_class AS c ON c.oid = e."table"
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (SELECT CASE
       WHEN c.relpersistence = 't' THEN 'temporary'
       WHEN n.nspname IN ('pg_catalog', 'information_schema') THEN 'system_schema'
       WHEN c.oid IN (SELECT d.objid FROM pg_catalog.pg_depend AS d
                       WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'e') THEN 'extension'
       WHEN e.composite THEN 'composite'
       WHEN (e."table", e."column") IN (SELECT f."table", f."column" FROM foreign_keys AS f) THEN 'foreign_key'
       WHEN e.domain THEN 'domain'
       WHEN c.relkind = 'r' AND (c.oid IN (SELECT i.inhparent FROM pg_catalog.pg_inherits AS i)
                              OR c.oid IN (SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i)) THEN 'inheritance'
       WHEN (e."table", e."column") IN (SELECT f."table", f."column" FROM filled_partitions AS f) THEN 'partition_default'
       WHEN (e."table", e."column") IN (SELECT o."table", o."column" FROM owned_sequences AS o) THEN 'owned_sequence'
       WHEN e."table" IN (SELECT i."table" FROM interceptors AS i) THEN 'trigger'
       WHEN NOT pg_catalog.pg_has_role(c.relowner, 'USAGE') THEN 'not_owner'
       WHEN NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE')
             AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')) THEN 'no_create'
       WHEN pg_catalog.row_security_active(c.oid) THEN 'row_security'
       WHEN NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN 'not_readable'
       ELSE ''
        END AS reason) AS r
 WHERE NOT c.relispartition
 ORDER BY n.nspname, c.relname
