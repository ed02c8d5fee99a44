-- What must not only be there but work: indexes, constraints, triggers and materialized views, with the
-- state of each. Names as pg_dump writes them.
SELECT 'INDEX' AS kind, n.nspname::text AS schema, c.relname::text AS name,
       CASE WHEN i.indisvalid AND i.indisready THEN 'valid' ELSE 'invalid' END AS state
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname NOT LIKE 'pg\_%'
 UNION ALL
SELECT CASE k.contype WHEN 'f' THEN 'FK CONSTRAINT' ELSE 'CHECK CONSTRAINT' END, n.nspname, c.relname || ' ' || k.conname,
       CASE WHEN k.convalidated THEN 'valid' ELSE 'not validated' END
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE k.contype IN ('f', 'c')
 UNION ALL
SELECT 'TRIGGER', n.nspname, c.relname || ' ' || g.tgname,
       CASE g.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' ELSE 'enabled' END
  FROM pg_catalog.pg_trigger AS g
  JOIN pg_catalog.pg_class AS c ON c.oid = g.tgrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE NOT g.tgisinternal
 UNION ALL
SELECT 'MATERIALIZED VIEW DATA', n.nspname, c.relname,
       CASE WHEN c.relispopulated THEN 'populated' ELSE 'empty' END
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'm'
 ORDER BY 1, 2, 3
