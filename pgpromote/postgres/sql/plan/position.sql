-- Where a sequence stands.
SELECT {name}, s.last_value, s.is_called FROM {sequence} AS s
