-- Tables that cannot be read without running code of the database, if the session is not to run any: the server
-- computes constant parts of these expressions when it plans a query. With a table come all that it inherits from.
WITH RECURSIVE expressions AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AS kind, i.indexrelid AS oid, i.indrelid AS "table"
      FROM pg_catalog.pg_index AS i
     WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
     UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid, s.stxrelid
      FROM pg_catalog.pg_statistic_ext AS s
     UNION ALL
    SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, k.conrelid
      FROM pg_catalog.pg_constraint AS k
     WHERE k.contype = 'c'
     UNION ALL
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, p.partrelid, p.partrelid
      FROM pg_catalog.pg_partitioned_table AS p
), calling AS (
    SELECT e."table"
      FROM expressions AS e
      JOIN pg_catalog.pg_depend AS d ON d.classid = e.kind AND d.objid = e.oid
      LEFT JOIN pg_catalog.pg_type AS t
        ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.oid = d.refobjid
     WHERE pg_catalog.current_setting('pgpromote.guarded', true) = 'on'
       -- What the server brought itself is not in pg_depend. A domain's checks are run, those in a row type too.
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS x
                        WHERE x.classid = d.refclassid AND x.objid = d.refobjid AND x.deptype = 'e')
       AND (d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass)
            OR t.typtype IN ('d', 'c'))
     UNION
    SELECT i.inhparent
      FROM calling AS c
      JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c."table"
)
SELECT c."table"::pg_catalog.int8
  FROM calling AS c
