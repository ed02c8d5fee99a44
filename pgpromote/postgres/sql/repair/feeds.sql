-- Sequences that feed a primary key, each with every column that takes values from it, in the shape of repair.Feed.
-- `low` and `high` are what both the sequence and its columns can hold. `reason` says why repair must not move it.
WITH RECURSIVE numbers AS (
    SELECT t.oid, t.oid AS base
      FROM pg_catalog.pg_type AS t
     WHERE t.oid IN ('pg_catalog.int2'::pg_catalog.regtype, 'pg_catalog.int4'::pg_catalog.regtype,
                     'pg_catalog.int8'::pg_catalog.regtype, 'pg_catalog.numeric'::pg_catalog.regtype)
     UNION ALL
    SELECT d.oid, n.base
      FROM numbers AS n
      JOIN pg_catalog.pg_type AS d ON d.typbasetype = n.oid
), defaults AS MATERIALIZED (  -- so that only those of sequences are written out below
    SELECT d.refobjid AS sequence, f.adrelid, f.adnum, f.adbin
      FROM pg_catalog.pg_attrdef AS f
      JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
       AND d.objid = f.oid
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      JOIN pg_catalog.pg_class AS s ON s.oid = d.refobjid AND s.relkind = 'S'
), links AS (
    -- An identity owns its sequence; a default nextval('...') depends on it, owned or not.
    SELECT d.objid AS sequence, d.refobjid AS "table", d.refobjsubid AS attnum
      FROM pg_catalog.pg_depend AS d
      JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.deptype = 'i'
     UNION
    SELECT f.sequence, f.adrelid, f.adnum
      FROM defaults AS f
     -- Exactly nextval(), perhaps with a cast: any other expression gives ids that are not the sequence's values.
     WHERE pg_catalog.pg_get_expr(f.adbin, f.adrelid)
         ~ '^\(?nextval\(''([^'']|'''')+''::regclass\)\)?(::(smallint|integer|bigint|numeric))?$'
     UNION
    -- A default that finds it by name at run time; `sequence_names` says which it finds.
    SELECT f.sequence, f."table", f.attnum
      FROM ROWS FROM (pg_catalog.unnest(%(sequences)s::pg_catalog.oid[]),
                      pg_catalog.unnest(%(tables)s::pg_catalog.oid[]),
                      pg_catalog.unnest(%(attnums)s::pg_catalog.int4[])) AS f (sequence, "table", attnum)
), columns AS (
    SELECT l.sequence,
           l."table",
           a.attname,
           n.base,
           c.relname,
           c.relowner,
           c.relnamespace,
           EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
                    WHERE k.conrelid = l."table" AND k.contype = 'p' AND a.attnum = ANY (k.conkey)) AS key
      FROM links AS l
      JOIN pg_catalog.pg_class AS c ON c.oid = l."table" AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = l."table" AND a.attnum = l.attnum
      LEFT JOIN numbers AS n ON n.oid = a.atttypid
     WHERE l.sequence >= 16384
), feeding AS (
    SELECT c.sequence
      FROM columns AS c
     GROUP BY c.sequence
    HAVING pg_catalog.bool_or(c.key)
), family AS (
    SELECT i.inhparent AS root, i.inhrelid AS member
      FROM pg_catalog.pg_inherits AS i
     UNION
    SELECT f.root, i.inhrelid
      FROM family AS f
      JOIN pg_catalog.pg_inherits AS i ON i.inhparent = f.member
), covered AS (
    -- A partition or child whose ancestor takes values from the same sequence is read with the ancestor.
    SELECT child.sequence, child."table"
      FROM columns AS child
      JOIN family AS f ON f.member = child."table"
      JOIN columns AS parent ON parent.sequence = child.sequence AND parent."table" = f.root
), extension_members AS (
    SELECT d.objid AS oid
      FROM pg_catalog.pg_depend AS d
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'e'
), users AS (
    SELECT c.sequence,
           pg_catalog.array_agg(c."table"::pg_catalog.int8 ORDER BY o.place) AS tables,
           pg_catalog.array_agg(pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) ORDER BY o.place) AS users,
           pg_catalog.array_agg(pg_catalog.quote_ident(c.attname) ORDER BY o.place) AS columns,
           pg_catalog.max(CASE c.base WHEN 'pg_catalog.int2'::pg_catalog.regtype THEN -32768
                                      WHEN 'pg_catalog.int4'::pg_catalog.regtype THEN -2147483648
                                      ELSE -9223372036854775808 END) AS low,
           pg_catalog.min(CASE c.base WHEN 'pg_catalog.int2'::pg_catalog.regtype THEN 32767
                                      WHEN 'pg_catalog.int4'::pg_catalog.regtype THEN 2147483647
                                      ELSE 9223372036854775807 END) AS high,
           pg_catalog.bool_and(c.base IS NOT NULL) AS numeric,
           pg_catalog.bool_or(c."table" IN (SELECT m.oid FROM extension_members AS m)) AS extension,
           pg_catalog.bool_and(pg_catalog.pg_has_role(c.relowner, 'USAGE')) AS owner,
           pg_catalog.bool_or(pg_catalog.row_security_active(c."table")) AS row_security,
           pg_catalog.bool_and(pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                           AND pg_catalog.has_table_privilege(c."table", 'SELECT')) AS readable
      FROM columns AS c
      JOIN feeding AS f ON f.sequence = c.sequence
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     -- Primary keys first: the first user gives the feed its name.
     CROSS JOIN LATERAL (SELECT ROW(NOT c.key, n.nspname, c.relname, c.attname)) AS o(place)
     WHERE (c.sequence, c."table") NOT IN (SELECT v.sequence, v."table" FROM covered AS v)
     GROUP BY c.sequence
)
SELECT u.tables[1] AS "table",
       u.users[1] AS name,
       u.columns[1] AS "column",
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS sequence,
       u.tables,
       u.users,
       u.columns,
       s.seqstart AS start,
       s.seqincrement AS increment,
       GREATEST(s.seqmin, u.low) AS low,
       LEAST(s.seqmax, u.high) AS high,
       s.seqcycle AS cycle,
       false AS parent_only,
       r.reason,
       r.reason NOT IN ('not_integer', 'row_security', 'not_readable') AS readable
  FROM users AS u
  JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = u.sequence
  JOIN pg_catalog.pg_class AS c ON c.oid = u.sequence AND c.relpersistence <> 't'
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (SELECT CASE
       WHEN NOT u.numeric THEN 'not_integer'
       WHEN u.row_security THEN 'row_security'
       WHEN NOT (u.readable AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
             AND pg_catalog.has_sequence_privilege(c.oid, 'SELECT')) THEN 'not_readable'
       WHEN u.extension OR c.oid IN (SELECT m.oid FROM extension_members AS m) THEN 'extension'
       WHEN NOT (u.owner AND pg_catalog.pg_has_role(c.relowner, 'USAGE')) THEN 'not_owner'
       ELSE ''
        END AS reason) AS r
 ORDER BY u.users[1], u.columns[1], sequence
