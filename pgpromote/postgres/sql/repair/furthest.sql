-- Over partitions and children too. Values that the sequence cannot give do not count: they never collide with it.
SELECT {furthest}({column})::pg_catalog.int8 AS value FROM {table} WHERE {column} BETWEEN {low} AND {high}
