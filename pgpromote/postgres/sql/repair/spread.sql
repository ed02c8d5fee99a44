-- How many keys a table holds from the lowest to the highest, and how many of these numbers another one has.
SELECT {number} AS number, t.rows, pg_catalog.count(o.{key}) AS others, t.low, t.high
  FROM (SELECT pg_catalog.count(*) AS rows,
               pg_catalog.min({column})::pg_catalog.int8 AS low,
               pg_catalog.max({column})::pg_catalog.int8 AS high
          FROM {table}) AS t
  LEFT JOIN {other} AS o ON o.{key} BETWEEN t.low AND t.high
 GROUP BY t.rows, t.low, t.high
