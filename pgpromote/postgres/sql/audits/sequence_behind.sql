-- severity: error
-- follows dev: yes
-- ignored: The next insert fails with a duplicate key.
-- fix: SELECT pg_catalog.setval({sequence}, {free}, false);
--
-- A sequence that feeds a primary key and would next give a number that is already taken, or lies beyond its
-- range. It happens when rows were copied with their keys and the sequence was not moved along. `{repair}` moves
-- it.
--
-- Where they stand was read through `sequences`, as repair and proof do; here it becomes findings.
SELECT s."column" AS object,
       s.upcoming IS NOT NULL AS judged,
       CASE s.reason
            WHEN 'by_name'
            THEN 'Its default finds a sequence by a name at run time, which leads to none or to several here.'
            WHEN 'computed' THEN 'Its default computes with the values of a sequence.'
            WHEN 'currval' THEN 'Its default is what a session last took from a sequence.'
            WHEN 'function' THEN 'Its default is what a function gives, which nobody knows before it runs.'
            ELSE
       CASE WHEN s.upcoming IS NULL AND s.reason = 'not_integer'
            THEN s.sequence || ' feeds a column that is not a number.'
            WHEN s.upcoming IS NULL
            THEN 'This role may not read ' || s.sequence || ' or every row of the tables that it feeds.'
            WHEN s.free IS NULL
            THEN s.sequence || ' would next give ' || s.upcoming || ', and no free number is left in its range.'
            ELSE s.sequence || ' would next give ' || s.upcoming || '; the next free number is ' || s.free || '.'
        END END AS message,
       pg_catalog.quote_literal(s.sequence) AS sequence,
       s.free::pg_catalog.text AS free
  FROM ROWS FROM (pg_catalog.unnest(%(columns)s::pg_catalog.text[]),
                  pg_catalog.unnest(%(sequences)s::pg_catalog.text[]),
                  pg_catalog.unnest(%(reasons)s::pg_catalog.text[]),
                  pg_catalog.unnest(%(upcoming)s::pg_catalog.numeric[]),
                  pg_catalog.unnest(%(free)s::pg_catalog.numeric[]))
       AS s("column", sequence, reason, upcoming, free)
 ORDER BY s."column", s.sequence
