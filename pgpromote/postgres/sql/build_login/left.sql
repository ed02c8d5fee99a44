-- What the role "builder" still has in this database: all that refers to it, its settings here, whether it may come in,
-- its sessions and its prepared transactions. The server keeps no list that is more complete.
WITH builder AS (
    SELECT r.oid, r.rolname FROM pg_catalog.pg_roles AS r WHERE r.rolname = %(builder)s
), here AS (
    SELECT d.oid, d.datname FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
)
SELECT CASE d.deptype WHEN 'o' THEN 'owns' WHEN 'a' THEN 'has a grant on' WHEN 'i' THEN 'has an initial grant on'
                      WHEN 'r' THEN 'is named by' ELSE 'is bound to' END AS how,
       pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) AS what
  FROM builder AS b
 CROSS JOIN here AS h
  JOIN pg_catalog.pg_shdepend AS d ON d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.refobjid = b.oid
 WHERE d.dbid = h.oid
    OR d.dbid = 0 AND d.classid = 'pg_catalog.pg_database'::pg_catalog.regclass AND d.objid = h.oid
 UNION ALL
SELECT 'has a setting in', pg_catalog.format('database %%s: %%s', h.datname, pg_catalog.split_part(c.entry, '=', 1))
  FROM builder AS b
 CROSS JOIN here AS h
  JOIN pg_catalog.pg_db_role_setting AS s ON s.setdatabase = h.oid AND s.setrole = b.oid
 CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (entry)
 UNION ALL
SELECT 'may connect to', pg_catalog.format('database %%s', h.datname)
  FROM builder AS b
 CROSS JOIN here AS h
 WHERE pg_catalog.has_database_privilege(b.oid, h.oid, 'CONNECT')
 UNION ALL
SELECT 'has a session in', pg_catalog.format('database %%s: process %%s', h.datname, a.pid)
  FROM builder AS b
 CROSS JOIN here AS h
  JOIN pg_catalog.pg_stat_activity AS a ON a.datid = h.oid AND a.usesysid = b.oid
 UNION ALL
SELECT 'has a prepared transaction in', pg_catalog.format('database %%s: %%s', h.datname, x.gid)
  FROM builder AS b
 CROSS JOIN here AS h
  JOIN pg_catalog.pg_prepared_xacts AS x ON x.database = h.datname AND x.owner = b.rolname
 ORDER BY 1, 2
