-- How many objects of each kind users made in this database; `objects` stands for the query of that name.
SELECT o.kind, pg_catalog.count(*)
  FROM ({objects}) AS o
 GROUP BY o.kind
 ORDER BY o.kind COLLATE "C"
