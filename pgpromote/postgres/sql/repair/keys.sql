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
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_partitioned_table AS p ON p.partrelid = c.oid
 CROSS JOIN LATERAL (
       -- The key's columns that are not there only because partitioning demands them.
       SELECT ARRAY(SELECT m FROM pg_catalog.unnest(k.conkey) AS m
                     WHERE pg_catalog.cardinality(k.conkey) = 1
                        OR p.partattrs IS NULL
                        OR m <> ALL (p.partattrs::pg_catalog.int2[]))) AS o(own)
 CROSS JOIN LATERAL (
       SELECT pg_catalog.cardinality(o.own) <> 1 AS composite,
              (pg_catalog.array_agg(a.attname))[1] AS "column",
              pg_catalog.min(a.attnum) AS attnum,
              pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns,
              pg_catalog.bool_or(a.atttypid <> i.base) AS domain,
              pg_catalog.min(CASE i.base WHEN 'pg_catalog.int2'::pg_catalog.regtype THEN 32767
                                         WHEN 'pg_catalog.int4'::pg_catalog.regtype THEN 2147483647
                                         ELSE 9223372036854775807 END) AS high
         FROM pg_catalog.pg_attribute AS a
         JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
         JOIN integers AS i ON i.oid = a.atttypid
        WHERE a.attrelid = c.oid
          AND a.attnum = ANY (CASE WHEN pg_catalog.cardinality(o.own) = 1 THEN o.own ELSE k.conkey END)
       HAVING pg_catalog.bool_and(NOT a.atthasdef AND a.attidentity = '' AND t.typdefaultbin IS NULL)) AS e
 CROSS JOIN LATERAL (
       -- Facts of the table and all its partitions and children.
       WITH RECURSIVE family AS (
           SELECT c.oid AS member
            UNION
           SELECT i.inhrelid
             FROM family AS f
             JOIN pg_catalog.pg_inherits AS i ON i.inhparent = f.member
       )
       SELECT pg_catalog.bool_or(EXISTS (
                  SELECT FROM pg_catalog.pg_constraint AS x
                    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.conrelid AND a.attnum = ANY (x.conkey)
                   WHERE x.conrelid = f.member AND x.contype = 'f' AND a.attname = e."column")) AS foreign_key,
              pg_catalog.bool_or(EXISTS (
                  SELECT FROM pg_catalog.pg_attribute AS a
                   WHERE a.attrelid = f.member AND a.attname = e."column"
                     AND (a.atthasdef OR a.attidentity <> ''))) AS partition_default,
              -- What may set the key itself: a trigger with the bits ROW (1), BEFORE (2), INSERT (4); a rule.
              pg_catalog.bool_or(EXISTS (
                  SELECT FROM pg_catalog.pg_trigger AS t
                   WHERE t.tgrelid = f.member AND NOT t.tgisinternal AND t.tgtype & 7 = 7)
               OR EXISTS (
                  SELECT FROM pg_catalog.pg_rewrite AS r
                   WHERE r.ev_class = f.member AND r.ev_type = '3')) AS trigger
         FROM family AS f) AS f
 CROSS JOIN LATERAL (SELECT CASE
       WHEN c.relpersistence = 't' THEN 'temporary'
       WHEN n.nspname IN ('pg_catalog', 'information_schema') THEN 'system_schema'
       WHEN EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                       AND d.objid = c.oid
                       AND d.deptype = 'e') THEN 'extension'
       WHEN e.composite THEN 'composite'
       WHEN f.foreign_key THEN 'foreign_key'
       WHEN e.domain THEN 'domain'
       WHEN c.relkind = 'r'
        AND (EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = c.oid)
          OR EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid)) THEN 'inheritance'
       WHEN f.partition_default THEN 'partition_default'
       WHEN EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                      JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
                     WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                       AND d.refobjid = c.oid
                       AND d.refobjsubid = e.attnum
                       AND d.deptype = 'a') THEN 'owned_sequence'
       WHEN f.trigger THEN 'trigger'
       WHEN NOT pg_catalog.pg_has_role(c.relowner, 'USAGE') THEN 'not_owner'
       WHEN NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE')
             AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')) THEN 'no_create'
       WHEN pg_catalog.row_security_active(c.oid) THEN 'row_security'
       WHEN NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN 'not_readable'
       ELSE ''
        END AS reason) AS r
 WHERE k.contype = 'p'
   AND c.oid >= 16384  -- the first number a user's object can have: the catalogs' own keys lie below
   AND NOT c.relispartition
 ORDER BY n.nspname, c.relname
