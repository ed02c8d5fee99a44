-- What one sequence would give next.
SELECT {schema} AS schema, {name} AS name, s.last_value + CASE WHEN s.is_called THEN {step} ELSE 0 END AS upcoming
  FROM {sequence} AS s
