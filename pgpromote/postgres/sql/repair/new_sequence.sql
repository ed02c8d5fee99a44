(SELECT 1::pg_catalog.int8 AS last_value, false AS is_called)
