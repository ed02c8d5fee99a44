SELECT {number} AS number,
       NOT EXISTS (SELECT FROM {table} AS t
                    WHERE NOT EXISTS (SELECT FROM {other} AS o WHERE o.{key} = t.{column})) AS within
