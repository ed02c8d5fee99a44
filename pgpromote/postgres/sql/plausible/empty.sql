-- Of these tables, `schema.name`, the ones without any page: they hold no row, whoever may read them.
SELECT n.nspname::text || '.' || c.relname::text AS name
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r'
   AND n.nspname::text || '.' || c.relname::text = ANY (%(tables)s)
   AND pg_catalog.pg_relation_size(c.oid) = 0
