-- severity: warning
-- follows dev: yes
-- fix: ALTER SEQUENCE {sequence} AS bigint; ALTER TABLE {table} ALTER COLUMN {column} TYPE bigint;
--
-- A sequence that has used up four fifths of the numbers that both it and its columns can hold. When none is
-- left, every insert fails. A bigint sequence on an integer column ends with the column's type, long before
-- its own end. One that cycles is left out unless it feeds a primary key, where a second round meets old keys.
WITH users AS (
    SELECT d.objid AS sequence, d.refobjid AS "table", d.refobjsubid::pg_catalog.int2 AS attnum
      FROM pg_catalog.pg_depend AS d
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.deptype IN ('a', 'i')
       AND d.refobjsubid > 0
     UNION
    SELECT d.refobjid, f.adrelid, f.adnum
      FROM pg_catalog.pg_attrdef AS f
      JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = f.oid
     WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
), columns AS (
    -- Of several columns the narrowest decides.
    SELECT DISTINCT ON (u.sequence)
           u.sequence,
           pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table",
           pg_catalog.quote_ident(a.attname) AS "column",
           b.bytes,
           pg_catalog.bool_or(EXISTS (
               SELECT FROM pg_catalog.pg_constraint AS k
                WHERE k.conrelid = u."table" AND k.contype = 'p' AND a.attnum = ANY (k.conkey)))
               OVER (PARTITION BY u.sequence) AS key
      FROM users AS u
      JOIN pg_catalog.pg_class AS c ON c.oid = u."table"
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = u."table" AND a.attnum = u.attnum
      JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
     CROSS JOIN LATERAL (
           SELECT CASE CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
                  WHEN 21 THEN 2 WHEN 23 THEN 4 ELSE 8 END) AS b(bytes)
     ORDER BY u.sequence, b.bytes, n.nspname, c.relname, a.attnum
), sequences AS (
    SELECT s.*, n.nspname, c.relname, u."table", u."column", u.bytes, u.key,
           coalesce(l.last_value, s.seqstart) AS stand,
           l.last_value IS NULL AS fresh,
           GREATEST(s.seqmin::pg_catalog.numeric, -(2::pg_catalog.numeric ^ (coalesce(u.bytes, 8) * 8 - 1))) AS low,
           LEAST(s.seqmax::pg_catalog.numeric, 2::pg_catalog.numeric ^ (coalesce(u.bytes, 8) * 8 - 1) - 1) AS high,
           pg_catalog.has_sequence_privilege(c.oid, 'SELECT, USAGE') AS readable
      FROM pg_catalog.pg_sequence AS s
      JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      LEFT JOIN columns AS u ON u.sequence = s.seqrelid
      -- The view hides the value from a role that may not read it, where the function would fail.
      LEFT JOIN pg_catalog.pg_sequences AS l ON l.schemaname = n.nspname AND l.sequencename = c.relname
     WHERE c.relpersistence <> 't'
       AND (NOT s.seqcycle OR u.key)
), measured AS (
    SELECT s.*,
           CASE WHEN s.seqincrement > 0 THEN s.stand - s.low ELSE s.high - s.stand END
               / NULLIF(s.high - s.low, 0) AS share,
           NOT s.fresh AND s.stand + s.seqincrement::pg_catalog.numeric NOT BETWEEN s.low AND s.high AS used_up
      FROM sequences AS s
)
SELECT pg_catalog.format('%I.%I', m.nspname, m.relname) AS object,
       m.readable AS judged,
       CASE WHEN m.used_up THEN 'error' END AS severity,
       CASE WHEN NOT m.readable THEN 'This role may not read where the sequence stands.'
            ELSE pg_catalog.format('It stands at %s; the last number that fits is %s%s.', m.stand,
                     CASE WHEN m.seqincrement > 0 THEN m.high ELSE m.low END,
                     CASE WHEN m.used_up THEN ': none is left' ELSE '' END)
        END AS message,
       pg_catalog.format('%I.%I', m.nspname, m.relname) AS sequence,
       m."table",
       CASE WHEN m.bytes < 8 THEN m."column" END AS "column"
  FROM measured AS m
 WHERE NOT m.readable OR m.share >= 0.8 OR m.used_up
 ORDER BY m.nspname, m.relname
