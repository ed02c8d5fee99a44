-- The database itself: what belongs to its name, its extensions and its large objects' owners.
SELECT d.oid::bigint,
       d.datdba::pg_catalog.regrole::text,
       d.datacl::text,
       d.datconnlimit,
       pg_catalog.shobj_description(d.oid, 'pg_database'),
       ARRAY(SELECT pg_catalog.concat(s.setrole::pg_catalog.regrole, ' ', s.setconfig)
               FROM pg_catalog.pg_db_role_setting AS s
              WHERE s.setdatabase = d.oid
              ORDER BY 1),
       ARRAY(SELECT pg_catalog.concat(e.extname, ' ', e.extversion)
               FROM pg_catalog.pg_extension AS e
              ORDER BY 1),
       (SELECT pg_catalog.sum(pg_catalog.hashtextextended(
                   pg_catalog.concat(m.oid, ' ', m.lomowner::pg_catalog.regrole, ' ', m.lomacl), 0))
          FROM pg_catalog.pg_largeobject_metadata AS m)
  FROM pg_catalog.pg_database AS d
 WHERE d.datname = pg_catalog.current_database()
