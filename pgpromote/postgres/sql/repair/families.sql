-- How many relations a lock on a table takes, itself among them, where that is more than one: it goes down to all
-- partitions and children.
WITH RECURSIVE family AS (
    SELECT i.inhparent AS root, i.inhrelid AS member
      FROM pg_catalog.pg_inherits AS i
     UNION
    SELECT f.root, i.inhrelid
      FROM family AS f
      JOIN pg_catalog.pg_inherits AS i ON i.inhparent = f.member
)
SELECT f.root::pg_catalog.int8, pg_catalog.count(*) + 1
  FROM family AS f
 GROUP BY f.root
 ORDER BY f.root
