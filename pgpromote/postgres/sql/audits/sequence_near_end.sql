-- severity: warning
-- follows dev: yes
-- ignored: When no number is left, every insert fails.
-- fix: ALTER SEQUENCE {sequence} AS bigint; ALTER TABLE {table} ALTER COLUMN {column} TYPE bigint;
--
-- A sequence that has used up four fifths of the numbers that both it and its columns can hold. A bigint sequence on
-- an integer column ends with the column's type, long before its own end. One that cycles is left out unless it feeds
-- a primary key, where a second round meets old keys.
--
-- Where each sequence stands was read before, in small portions; NULL: at its start.
WITH users AS (
    SELECT s.seqrelid AS sequence, d.refobjid AS "table", d.refobjsubid::pg_catalog.int2 AS attnum
      FROM pg_catalog.pg_sequence AS s
      JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.objid = s.seqrelid
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
     WHERE d.deptype IN ('a', 'i')
       AND d.refobjsubid > 0
     UNION
    SELECT s.seqrelid, f.adrelid, f.adnum
      FROM pg_catalog.pg_sequence AS s
      JOIN pg_catalog.pg_depend AS d
        ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.refobjid = s.seqrelid
       AND d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
      JOIN pg_catalog.pg_attrdef AS f ON f.oid = d.objid
), columns AS (
    -- Of several columns the narrowest decides.
    SELECT DISTINCT ON (u.sequence)
           u.sequence, n.nspname, c.relname, a.attname, b.high,
           pg_catalog.bool_or(k.oid IS NOT NULL) OVER (PARTITION BY u.sequence) AS key
      FROM users AS u
      JOIN pg_catalog.pg_class AS c ON c.oid = u."table"
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = u."table" AND a.attnum = u.attnum
      JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
      LEFT JOIN pg_catalog.pg_constraint AS k
        ON k.conrelid = u."table" AND k.contype = 'p' AND a.attnum = ANY (k.conkey)
     CROSS JOIN LATERAL (
           SELECT CASE CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
                  WHEN 'pg_catalog.int2'::pg_catalog.regtype THEN 32767
                  WHEN 'pg_catalog.int4'::pg_catalog.regtype THEN 2147483647
                  ELSE 9223372036854775807
                  END) AS b(high)
     ORDER BY u.sequence, b.high, n.nspname, c.relname, a.attnum
), sequences AS (
    SELECT s.seqincrement, n.nspname, c.relname,
           coalesce(l.value, s.seqstart)::pg_catalog.numeric AS stand,
           l.value IS NULL AS fresh,
           GREATEST(s.seqmin, -h.high - 1)::pg_catalog.numeric AS low,
           LEAST(s.seqmax, h.high)::pg_catalog.numeric AS high,
           pg_catalog.has_sequence_privilege(c.oid, 'SELECT, USAGE') AS readable,
           u.nspname AS schema, u.relname AS "table",
           CASE WHEN u.high < 9223372036854775807 THEN u.attname END AS "column"
      FROM pg_catalog.pg_sequence AS s
      JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      LEFT JOIN columns AS u ON u.sequence = s.seqrelid
      LEFT JOIN ROWS FROM (pg_catalog.unnest(%(sequences)s::pg_catalog.oid[]),
                           pg_catalog.unnest(%(values)s::pg_catalog.int8[])) AS l(sequence, value)
        ON l.sequence = s.seqrelid
     CROSS JOIN LATERAL (SELECT coalesce(u.high, 9223372036854775807)) AS h(high)
     WHERE c.relpersistence <> 't'
       AND (NOT s.seqcycle OR u.key)
), measured AS (
    SELECT s.*,
           CASE WHEN s.seqincrement > 0 THEN s.stand - s.low ELSE s.high - s.stand END
               / NULLIF(s.high - s.low, 0) AS share,
           NOT s.fresh AND s.stand + s.seqincrement NOT BETWEEN s.low AND s.high AS used_up
      FROM sequences AS s
)
SELECT pg_catalog.format('%%I.%%I', m.nspname, m.relname) AS object,
       m.readable AS judged,
       CASE WHEN m.used_up THEN 'error' END AS severity,
       CASE WHEN NOT m.readable THEN 'This role may not read where the sequence stands.'
            ELSE pg_catalog.format('It stands at %%s; the last number that fits is %%s%%s.', m.stand,
                     CASE WHEN m.seqincrement > 0 THEN m.high ELSE m.low END,
                     CASE WHEN m.used_up THEN ': none is left' ELSE '' END)
        END AS message,
       pg_catalog.format('%%I.%%I', m.nspname, m.relname) AS sequence,
       CASE WHEN m."table" IS NOT NULL THEN pg_catalog.format('%%I.%%I', m.schema, m."table") END AS "table",
       pg_catalog.quote_ident(m."column") AS "column"
  FROM measured AS m
 WHERE NOT m.readable OR m.share >= 0.8 OR m.used_up
 ORDER BY m.nspname, m.relname
