SELECT {number} AS number, pg_catalog.max({key})::pg_catalog.int8 AS highest FROM {table}
