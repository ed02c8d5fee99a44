SELECT {number} AS number, pg_catalog.min({key})::pg_catalog.int8 AS low, pg_catalog.max({key})::pg_catalog.int8 AS high FROM {table}
