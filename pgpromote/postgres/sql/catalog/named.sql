-- Every object that an archive entry can name, with its schema ('' for none) and its name as pg_dump writes it.
SELECT 'relation', 'pg_catalog.pg_class'::regclass, c.oid, n.nspname::text, c.relname::text
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
UNION ALL
SELECT 'type', 'pg_catalog.pg_type'::regclass, t.oid, n.nspname::text, t.typname::text
  FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
UNION ALL
SELECT 'routine', 'pg_catalog.pg_proc'::regclass, p.oid, n.nspname::text,
       -- as pg_dump names routines: no quotes, input types only, * for an aggregate without any
       pg_catalog.format('%%s(%%s)', p.proname,
           CASE WHEN p.prokind = 'a' AND p.pronargs = 0 THEN '*'
                ELSE pg_catalog.oidvectortypes(p.proargtypes) END)
  FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
UNION ALL
-- a shell stands for an operator that another one names and nobody has made; pg_dump leaves it out
SELECT CASE WHEN o.oprcode = 0 THEN 'shell operator' ELSE 'operator' END,
       'pg_catalog.pg_operator'::regclass, o.oid, n.nspname::text, o.oprname::text
  FROM pg_catalog.pg_operator AS o JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
UNION ALL
SELECT 'operator class', 'pg_catalog.pg_opclass'::regclass, o.oid, n.nspname::text, o.opcname::text
  FROM pg_catalog.pg_opclass AS o JOIN pg_catalog.pg_namespace AS n ON n.oid = o.opcnamespace
UNION ALL
SELECT 'operator family', 'pg_catalog.pg_opfamily'::regclass, o.oid, n.nspname::text, o.opfname::text
  FROM pg_catalog.pg_opfamily AS o JOIN pg_catalog.pg_namespace AS n ON n.oid = o.opfnamespace
UNION ALL
SELECT 'collation', 'pg_catalog.pg_collation'::regclass, c.oid, n.nspname::text, c.collname::text
  FROM pg_catalog.pg_collation AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace
UNION ALL
SELECT 'conversion', 'pg_catalog.pg_conversion'::regclass, v.oid, n.nspname::text, v.conname::text
  FROM pg_catalog.pg_conversion AS v JOIN pg_catalog.pg_namespace AS n ON n.oid = v.connamespace
UNION ALL
SELECT 'statistics', 'pg_catalog.pg_statistic_ext'::regclass, x.oid, n.nspname::text, x.stxname::text
  FROM pg_catalog.pg_statistic_ext AS x JOIN pg_catalog.pg_namespace AS n ON n.oid = x.stxnamespace
UNION ALL
SELECT 'text search configuration', 'pg_catalog.pg_ts_config'::regclass, c.oid, n.nspname::text, c.cfgname::text
  FROM pg_catalog.pg_ts_config AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.cfgnamespace
UNION ALL
SELECT 'text search dictionary', 'pg_catalog.pg_ts_dict'::regclass, d.oid, n.nspname::text, d.dictname::text
  FROM pg_catalog.pg_ts_dict AS d JOIN pg_catalog.pg_namespace AS n ON n.oid = d.dictnamespace
UNION ALL
SELECT 'text search parser', 'pg_catalog.pg_ts_parser'::regclass, p.oid, n.nspname::text, p.prsname::text
  FROM pg_catalog.pg_ts_parser AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.prsnamespace
UNION ALL
SELECT 'text search template', 'pg_catalog.pg_ts_template'::regclass, t.oid, n.nspname::text, t.tmplname::text
  FROM pg_catalog.pg_ts_template AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.tmplnamespace
UNION ALL
SELECT 'language', 'pg_catalog.pg_language'::regclass, l.oid, '', l.lanname::text
  FROM pg_catalog.pg_language AS l
UNION ALL
SELECT 'access method', 'pg_catalog.pg_am'::regclass, a.oid, '', a.amname::text
  FROM pg_catalog.pg_am AS a
UNION ALL
SELECT 'foreign-data wrapper', 'pg_catalog.pg_foreign_data_wrapper'::regclass, f.oid, '', f.fdwname::text
  FROM pg_catalog.pg_foreign_data_wrapper AS f
UNION ALL
SELECT 'server', 'pg_catalog.pg_foreign_server'::regclass, s.oid, '', s.srvname::text
  FROM pg_catalog.pg_foreign_server AS s
UNION ALL
SELECT 'user mapping', 'pg_catalog.pg_user_mapping'::regclass, m.umid, '',
       pg_catalog.format('USER MAPPING %%s SERVER %%s', m.usename, m.srvname)
  FROM pg_catalog.pg_user_mappings AS m
UNION ALL
SELECT 'schema', 'pg_catalog.pg_namespace'::regclass, n.oid, '', n.nspname::text
  FROM pg_catalog.pg_namespace AS n WHERE n.nspname <> 'public'
UNION ALL
SELECT 'event trigger', 'pg_catalog.pg_event_trigger'::regclass, e.oid, '', e.evtname::text
  FROM pg_catalog.pg_event_trigger AS e
UNION ALL
SELECT 'cast', 'pg_catalog.pg_cast'::regclass, k.oid, '',
       pg_catalog.format('CAST (%%s AS %%s)', pg_catalog.format_type(k.castsource, NULL),
                         pg_catalog.format_type(k.casttarget, NULL))
  FROM pg_catalog.pg_cast AS k
UNION ALL
SELECT 'transform', 'pg_catalog.pg_transform'::regclass, t.oid, '',
       pg_catalog.format('TRANSFORM FOR %%s LANGUAGE %%I', pg_catalog.format_type(t.trftype, NULL), l.lanname)
  FROM pg_catalog.pg_transform AS t JOIN pg_catalog.pg_language AS l ON l.oid = t.trflang
UNION ALL
SELECT 'publication', 'pg_catalog.pg_publication'::regclass, p.oid, '', p.pubname::text
  FROM pg_catalog.pg_publication AS p
UNION ALL
SELECT 'subscription', 'pg_catalog.pg_subscription'::regclass, s.oid, '', s.subname::text
  FROM pg_catalog.pg_subscription AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid
 WHERE d.datname = pg_catalog.current_database()
