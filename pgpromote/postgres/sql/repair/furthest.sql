(SELECT pg_catalog.{function}({column})::pg_catalog.int8 FROM {table} WHERE {column} BETWEEN {low} AND {high})
