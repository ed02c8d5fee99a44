SELECT {number} AS number, s.last_value, s.is_called, {among}({values}) AS furthest FROM {sequence} AS s
