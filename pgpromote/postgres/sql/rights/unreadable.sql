-- What a view reads without its owner's right to, so that nobody can use the view. A security_invoker view asks for
-- the reader's rights instead. Only the rule that makes the view counts, and of columns those that it names.
SELECT DISTINCT
       CASE v.relkind WHEN 'v' THEN 'view ' ELSE 'materialized view ' END
       || pg_catalog.format('%I.%I', vn.nspname, v.relname) AS view,
       pg_catalog.pg_get_userbyid(v.relowner)::text AS owner,
       pg_catalog.format('%I.%I', n.nspname, r.relname) AS relation
  FROM pg_catalog.pg_class AS v
  JOIN pg_catalog.pg_namespace AS vn ON vn.oid = v.relnamespace
  JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = v.oid AND w.ev_type = '1'
  JOIN pg_catalog.pg_depend AS d ON d.classid = w.tableoid AND d.objid = w.oid AND d.refclassid = v.tableoid
  JOIN pg_catalog.pg_class AS r ON r.oid = d.refobjid AND r.oid <> v.oid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
 WHERE v.relkind IN ('v', 'm')
   AND v.oid >= 16384
   AND r.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND NOT EXISTS (
           SELECT
             FROM pg_catalog.pg_options_to_table(v.reloptions) AS o
            WHERE o.option_name = 'security_invoker'
              AND o.option_value::boolean)
   AND NOT CASE d.refobjsubid
               WHEN 0 THEN pg_catalog.has_any_column_privilege(v.relowner, r.oid, 'SELECT')
               ELSE pg_catalog.has_column_privilege(v.relowner, r.oid, d.refobjsubid::smallint, 'SELECT') END
 ORDER BY 1, 3
