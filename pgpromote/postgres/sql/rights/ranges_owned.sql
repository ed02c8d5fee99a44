-- What range types brought by themselves and another than their owner owns, because ALTER TYPE ... OWNER TO leaves it:
-- their constructors and, before 17, their multirange types. The statements that give it to the owner.
SELECT pg_catalog.format('ALTER ROUTINE %I.%I(%s) OWNER TO %I', n.nspname, p.proname, (
           SELECT pg_catalog.string_agg('IN ' || pg_catalog.format_type(a.type, NULL), ', ' ORDER BY a.number)
             FROM pg_catalog.unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, number)), o.rolname) AS sql,
       'a constructor belongs to the owner of its type' AS why
  FROM pg_catalog.pg_range AS r
  JOIN pg_catalog.pg_type AS t ON t.oid = r.rngtypid
  JOIN pg_catalog.pg_roles AS o ON o.oid = t.typowner
  JOIN pg_catalog.pg_depend AS d
    ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid IN (r.rngtypid, r.rngmultitypid)
   AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'i'
  JOIN pg_catalog.pg_proc AS p ON p.oid = d.objid AND p.proowner <> t.typowner
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE r.rngtypid >= 16384
 UNION ALL
SELECT pg_catalog.format('ALTER TYPE %I.%I OWNER TO %I', n.nspname, m.typname, o.rolname),
       'a multirange type belongs to the owner of its range type'
  FROM pg_catalog.pg_range AS r
  JOIN pg_catalog.pg_type AS t ON t.oid = r.rngtypid
  JOIN pg_catalog.pg_roles AS o ON o.oid = t.typowner
  JOIN pg_catalog.pg_type AS m ON m.oid = r.rngmultitypid AND m.typowner <> t.typowner
  JOIN pg_catalog.pg_namespace AS n ON n.oid = m.typnamespace
 WHERE r.rngtypid >= 16384
   AND pg_catalog.current_setting('server_version_num')::integer < 170000
 ORDER BY 1
