-- Whatever shows in a row's text is fixed here, so that two servers show the same. A large table may still be read
-- by several processes; to share many small ones among them takes longer than to read them.
SELECT pg_catalog.set_config(setting.name, setting.value, true)
  FROM (VALUES ('TimeZone', 'UTC'),
               ('DateStyle', 'ISO, YMD'),
               ('IntervalStyle', 'postgres'),
               ('extra_float_digits', '1'),
               ('bytea_output', 'hex'),
               ('xmlbinary', 'base64'),
               ('lc_monetary', 'C'),
               ('quote_all_identifiers', 'off'),
               ('enable_parallel_append', 'off')) AS setting (name, value)
