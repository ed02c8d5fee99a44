-- Whatever shows in a row's text is fixed here, so that two servers show the same.
SELECT pg_catalog.set_config(setting.name, setting.value, true)
  FROM (VALUES ('TimeZone', 'UTC'),
               ('DateStyle', 'ISO, YMD'),
               ('IntervalStyle', 'postgres'),
               ('extra_float_digits', '1'),
               ('bytea_output', 'hex'),
               ('xmlbinary', 'base64'),
               ('lc_monetary', 'C'),
               ('quote_all_identifiers', 'off')) AS setting (name, value)
