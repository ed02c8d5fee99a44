-- What an expression may call: words of the grammar after which pg_catalog has no function (ORDER BY, JOIN, OVER), so
-- that without quotes and schema they call none while the search path is empty; and the names of the server's own
-- functions that are immutable. One name may stand for several functions: none of them may be volatile, which leaves
-- out all that take SQL as text, such as ts_rewrite. The server's other functions come as 'other'.
SELECT k.word::pg_catalog.text AS name, 'keyword' AS kind
  FROM pg_catalog.pg_get_keywords() AS k
 WHERE k.catcode IN ('R', 'C')
    OR NOT EXISTS (
       SELECT
         FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
          AND p.proname = k.word::pg_catalog.name)
 UNION ALL
SELECT p.proname::pg_catalog.text,
       CASE WHEN pg_catalog.bool_or(p.provolatile = 'i') AND NOT pg_catalog.bool_or(p.provolatile = 'v')
            THEN 'harmless'
            ELSE 'other'
        END
  FROM pg_catalog.pg_proc AS p
 WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
 GROUP BY p.proname
