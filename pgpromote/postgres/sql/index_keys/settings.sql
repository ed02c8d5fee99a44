-- Nothing is read from an index, which may hold what is to be computed.
SELECT pg_catalog.set_config(setting.name, 'off', true)
  FROM (VALUES ('enable_indexscan'), ('enable_indexonlyscan'), ('enable_bitmapscan')) AS setting (name)
