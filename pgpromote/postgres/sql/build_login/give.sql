-- The statements that let the role "builder" build in this database, which holds nothing but extensions and their
-- schemas. Of what belongs to an extension it gets what an archive needs, and only where that is ours to give: rows
-- of configuration tables, keys to refer to. Never a function: an extension has taken those from all for a reason.
WITH member AS (
    SELECT d.classid, d.objid
      FROM pg_catalog.pg_depend AS d
     WHERE d.deptype = 'e'
), schema AS (
    SELECT n.nspname, n.nspowner, m.objid IS NOT NULL AS is_member
      FROM pg_catalog.pg_namespace AS n
      LEFT JOIN member AS m ON m.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND m.objid = n.oid
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
), relation AS (
    SELECT n.nspname, c.relname, c.relkind
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN member AS m ON m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND m.objid = c.oid
     WHERE c.relkind IN ('r', 'p', 'S') AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
)
SELECT pg_catalog.format('GRANT ALL ON DATABASE %%I TO %%I', pg_catalog.current_database(), b.name) AS sql,
       'the build login connects to it and creates in it' AS why
  FROM (VALUES (%(builder)s)) AS b (name)
 UNION ALL
SELECT pg_catalog.format('ALTER SCHEMA %%I OWNER TO %%I', s.nspname, b.name), 'the build login fills it'
  FROM (VALUES (%(builder)s)) AS b (name)
  JOIN schema AS s ON NOT s.is_member
 UNION ALL
SELECT pg_catalog.format('GRANT ALL ON SCHEMA %%I TO %%I', s.nspname, b.name), 'the archive may have something in it'
  FROM (VALUES (%(builder)s)) AS b (name)
  JOIN schema AS s ON s.is_member AND pg_catalog.pg_has_role(s.nspowner, 'USAGE')
 UNION ALL
SELECT pg_catalog.format('GRANT %%s ON %%s %%I.%%I TO %%I', k.rights, k.kind, r.nspname, r.relname, b.name),
       'the archive may have rows of it'
  FROM (VALUES (%(builder)s)) AS b (name)
 CROSS JOIN relation AS r
  JOIN (VALUES (true, 'SEQUENCE', 'ALL'), (false, 'TABLE', 'SELECT, INSERT, REFERENCES')) AS k (is_sequence, kind, rights)
    ON k.is_sequence = (r.relkind = 'S')
