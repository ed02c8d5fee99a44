-- What must not only be there but be so: facts, and the objects of which they hold, named as pg_dump names them.
WITH RECURSIVE relation AS (
    SELECT c.oid, c.relkind, c.relispartition, c.relispopulated, c.relpersistence, c.relforcerowsecurity,
           n.nspname, c.relname
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
), internal AS (
    -- The server's own triggers behind foreign keys and deferrable keys; ALTER TABLE ... DISABLE TRIGGER ALL.
    SELECT g.tgconstraint AS oid
      FROM pg_catalog.pg_trigger AS g
     WHERE g.tgisinternal AND g.tgconstraint <> 0 AND g.tgenabled <> 'O'
), part (root, oid) AS (
    -- A constraint that a partition has because of its parent's. From below, because most have no parent.
    SELECT k.conparentid, k.oid FROM pg_catalog.pg_constraint AS k WHERE k.conparentid <> 0
     UNION ALL
    SELECT k.conparentid, p.oid
      FROM part AS p
      JOIN pg_catalog.pg_constraint AS k ON k.oid = p.root
     WHERE k.conparentid <> 0
), family (root, oid) AS (
    SELECT k.oid, k.oid FROM pg_catalog.pg_constraint AS k
     UNION ALL
    SELECT p.root, p.oid FROM part AS p
), working AS (
    SELECT f.root AS oid,
           pg_catalog.bool_and(k.convalidated) AS validated,
           -- What is validated is enforced; before 18 all is, and the column is missing.
           pg_catalog.bool_and(k.convalidated
                               OR coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::boolean, true)) AS enforced,
           pg_catalog.bool_and(i.oid IS NULL) AS triggers
      FROM family AS f
      JOIN pg_catalog.pg_constraint AS k ON k.oid = f.oid
      LEFT JOIN internal AS i ON i.oid = f.oid
     GROUP BY f.root
), index AS (
    SELECT i.indexrelid AS oid,
           i.indisready
           -- An index of a partitioned table is valid once every partition has its own, which only dev knows.
           AND (i.indisvalid OR c.relkind = 'I' AND EXISTS (
                SELECT FROM pg_catalog.pg_inherits AS h
                 WHERE h.inhparent = i.indrelid
                   AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS a
                                     JOIN pg_catalog.pg_index AS x ON x.indexrelid = a.inhrelid
                                    WHERE a.inhparent = i.indexrelid AND x.indrelid = h.inhrelid))) AS valid
      FROM pg_catalog.pg_index AS i
      JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
), object (kind, schema, name, facts) AS (
    SELECT 'INDEX', r.nspname, r.relname, ARRAY[CASE WHEN i.valid THEN 'valid' ELSE 'invalid' END]
      FROM index AS i
      JOIN relation AS r ON r.oid = i.oid
    UNION ALL
    SELECT CASE k.contype WHEN 'f' THEN 'FK CONSTRAINT' WHEN 'c' THEN 'CHECK CONSTRAINT' ELSE 'CONSTRAINT' END,
           r.nspname, r.relname || ' ' || k.conname,
           ARRAY[CASE WHEN w.validated THEN 'validated' ELSE 'not validated' END,
                 CASE WHEN w.enforced THEN 'enforced' ELSE 'not enforced' END,
                 CASE WHEN w.triggers THEN 'checked by its triggers' ELSE 'not checked by its triggers' END,
                 CASE WHEN i.valid THEN 'valid' ELSE 'invalid' END]
      FROM pg_catalog.pg_constraint AS k
      JOIN working AS w ON w.oid = k.oid
      JOIN relation AS r ON r.oid = k.conrelid
      LEFT JOIN index AS i ON i.oid = k.conindid
    UNION ALL
    SELECT 'CHECK CONSTRAINT', n.nspname, t.typname || ' ' || k.conname,
           ARRAY[CASE WHEN k.convalidated THEN 'validated' ELSE 'not validated' END, 'enforced']
      FROM pg_catalog.pg_constraint AS k
      JOIN pg_catalog.pg_type AS t ON t.oid = k.contypid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
     WHERE k.contype = 'c'
    UNION ALL
    SELECT s.kind, r.nspname, r.relname || ' ' || s.name,
           ARRAY[CASE s.enabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always'
                                ELSE 'enabled' END]
      FROM (SELECT 'TRIGGER', g.tgrelid, g.tgname, g.tgenabled FROM pg_catalog.pg_trigger AS g WHERE NOT g.tgisinternal
            UNION ALL
            SELECT 'RULE', w.ev_class, w.rulename, w.ev_enabled FROM pg_catalog.pg_rewrite AS w
           ) AS s (kind, relation, name, enabled)
      JOIN relation AS r ON r.oid = s.relation
    UNION ALL
    SELECT 'MATERIALIZED VIEW', r.nspname, r.relname,
           ARRAY[CASE WHEN r.relispopulated THEN 'populated' ELSE 'empty' END]
      FROM relation AS r
     WHERE r.relkind = 'm'
    UNION ALL
    SELECT 'TABLE', r.nspname, r.relname,
           ARRAY[CASE r.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'logged' END,
                 CASE WHEN r.relforcerowsecurity THEN 'row security forced' ELSE 'row security not forced' END]
      FROM relation AS r
     WHERE r.relkind IN ('r', 'p')
    UNION ALL
    SELECT 'COLUMN', r.nspname, r.relname || ' ' || a.attname,
           ARRAY[pg_catalog.format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                 CASE WHEN a.atthasdef THEN 'DEFAULT' END]
      FROM pg_catalog.pg_attribute AS a
      JOIN relation AS r ON r.oid = a.attrelid AND r.relkind IN ('r', 'p', 'f')
     WHERE a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT CASE WHEN r.relkind IN ('i', 'I') THEN 'INDEX ATTACH' ELSE 'TABLE ATTACH' END, r.nspname, r.relname,
           ARRAY[pg_catalog.format('attached to %s.%s', p.nspname, p.relname)]
      FROM pg_catalog.pg_inherits AS h
      JOIN relation AS r ON r.oid = h.inhrelid AND r.relispartition
      JOIN relation AS p ON p.oid = h.inhparent
    UNION ALL
    SELECT 'POLICY', r.nspname, r.relname || ' ' || p.polname,
           ARRAY[pg_catalog.format('%s for %s to %s',
                     CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
                     CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                                   WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                     coalesce((SELECT pg_catalog.string_agg(o.rolname, ', ' ORDER BY o.rolname COLLATE "C")
                                 FROM pg_catalog.pg_roles AS o WHERE o.oid = ANY (p.polroles)), 'everybody'))]
      FROM pg_catalog.pg_policy AS p
      JOIN relation AS r ON r.oid = p.polrelid
    UNION ALL
    SELECT 'SEQUENCE', r.nspname, r.relname,
           ARRAY['START WITH ' || s.seqstart, 'INCREMENT BY ' || s.seqincrement, 'CACHE ' || s.seqcache,
                 CASE WHEN s.seqmin = CASE WHEN s.seqincrement > 0 THEN 1 ELSE b.low END
                      THEN 'NO MINVALUE' ELSE 'MINVALUE ' || s.seqmin END,
                 CASE WHEN s.seqmax = CASE WHEN s.seqincrement > 0 THEN b.high ELSE -1 END
                      THEN 'NO MAXVALUE' ELSE 'MAXVALUE ' || s.seqmax END,
                 CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END]
      FROM pg_catalog.pg_sequence AS s
      JOIN relation AS r ON r.oid = s.seqrelid
     CROSS JOIN LATERAL (SELECT CASE s.seqtypid WHEN 21 THEN -32768 WHEN 23 THEN -2147483648
                                                ELSE -9223372036854775808 END,
                                CASE s.seqtypid WHEN 21 THEN 32767 WHEN 23 THEN 2147483647
                                                ELSE 9223372036854775807 END) AS b (low, high)
    UNION ALL
    SELECT 'SEQUENCE OWNED BY', r.nspname, r.relname,
           ARRAY[pg_catalog.format('owned by %s.%s.%s', o.nspname, o.relname, a.attname)]
      FROM pg_catalog.pg_depend AS d
      JOIN relation AS r ON r.oid = d.objid AND r.relkind = 'S'
      JOIN relation AS o ON o.oid = d.refobjid
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.deptype = 'a'
)
SELECT o.kind, o.schema::text, pg_catalog.array_remove(o.facts, NULL) AS facts, pg_catalog.array_agg(o.name::text) AS names
  FROM object AS o
 GROUP BY 1, 2, 3
 ORDER BY 1, 2, 3
