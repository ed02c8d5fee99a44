-- Where a sequence stands, and the furthest value its columns hold in the direction it counts.
SELECT {number} AS number,
       s.last_value,
       s.is_called,
       (SELECT {furthest}(u.value) FROM ({values}) AS u) AS furthest
  FROM {sequence} AS s
