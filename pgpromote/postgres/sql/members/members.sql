-- What belongs to an extension: each object, how many of its rows pg_dump takes along, and its parts. Such an object
-- is not dumped, so whatever a user has put on it is not either; privileges are.
SELECT e.extname::text AS extension,
       e.extversion AS version,
       i.type || ' ' || i.identity AS object,
       n.nspname::text AS schema,
       c.relname::text AS name,
       c.relkind = 'r' AS holds_rows,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
           AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
           AND NOT pg_catalog.row_security_active(c.oid) AS readable,
       CASE WHEN configured.relation IS NULL THEN 'none' WHEN configured.condition = '' THEN 'all' ELSE 'some'
            END AS archived,
       ARRAY(
           SELECT part.named COLLATE pg_catalog."C"
             FROM (SELECT pg_catalog.format('column %I %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod))
                     FROM pg_catalog.pg_attribute AS a
                    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind NOT IN ('S', 'i', 'I')
                   UNION ALL
                   SELECT pg_catalog.format('index %I', x.relname)
                     FROM pg_catalog.pg_index AS p
                     JOIN pg_catalog.pg_class AS x ON x.oid = p.indexrelid
                    WHERE p.indrelid = c.oid
                   UNION ALL
                   -- from 18 on NOT NULL is a constraint, too
                   SELECT pg_catalog.format('constraint %I', k.conname)
                     FROM pg_catalog.pg_constraint AS k
                    WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f', 'x')
                   UNION ALL
                   SELECT pg_catalog.format('trigger %I', g.tgname)
                     FROM pg_catalog.pg_trigger AS g
                    WHERE g.tgrelid = c.oid AND NOT g.tgisinternal
                   UNION ALL
                   SELECT pg_catalog.format('rule %I', w.rulename)
                     FROM pg_catalog.pg_rewrite AS w
                    WHERE w.ev_class = c.oid AND w.rulename <> '_RETURN'
                   UNION ALL
                   SELECT pg_catalog.format('policy %I', p.polname)
                     FROM pg_catalog.pg_policy AS p
                    WHERE p.polrelid = c.oid
                   UNION ALL
                   SELECT 'row security' WHERE c.relrowsecurity
                   UNION ALL
                   SELECT pg_catalog.format('statistics %I', s.stxname)
                     FROM pg_catalog.pg_statistic_ext AS s
                    WHERE s.stxrelid = c.oid
                   UNION ALL
                   SELECT 'last value ' || CASE WHEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT, USAGE')
                                                THEN pg_catalog.pg_sequence_last_value(c.oid) END
                    WHERE c.relkind = 'S' AND configured.relation IS NULL) AS part (named)
            WHERE part.named IS NOT NULL
            ORDER BY 1) AS parts
  FROM pg_catalog.pg_depend AS d
  JOIN pg_catalog.pg_extension AS e ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.oid = d.refobjid
 CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid) AS i
  LEFT JOIN pg_catalog.pg_class AS c ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.objid
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN LATERAL (SELECT k.relation, k.condition
                       FROM ROWS FROM (pg_catalog.unnest(e.extconfig), pg_catalog.unnest(e.extcondition))
                              AS k (relation, condition)
                      WHERE k.relation = c.oid) AS configured ON true
 WHERE d.deptype = 'e'
   AND i.identity IS NOT NULL
   -- a relation's row type and the type of arrays come and go with what they are made for
   AND NOT EXISTS (
       SELECT FROM pg_catalog.pg_type AS t
        WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
          AND t.oid = d.objid
          AND (t.typrelid <> 0 AND (SELECT r.relkind <> 'c' FROM pg_catalog.pg_class AS r WHERE r.oid = t.typrelid)
               OR EXISTS (SELECT FROM pg_catalog.pg_type AS element WHERE element.typarray = t.oid)))
 ORDER BY 1, 3
