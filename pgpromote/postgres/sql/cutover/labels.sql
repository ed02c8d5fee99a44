-- Give the incoming database the security labels of the outgoing one.
WITH label AS (
    SELECT l.objoid, l.provider, l.label
      FROM pg_catalog.pg_shseclabel AS l
     WHERE l.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass
       AND l.objoid IN (%(outgoing)s, %(incoming)s)
), change AS (
    SELECT p.provider,
           (SELECT l.label FROM label AS l WHERE l.objoid = %(outgoing)s AND l.provider = p.provider) AS wanted,
           (SELECT l.label FROM label AS l WHERE l.objoid = %(incoming)s AND l.provider = p.provider) AS present
      FROM (SELECT DISTINCT l.provider FROM label AS l) AS p
)
SELECT pg_catalog.format('SECURITY LABEL FOR %%I ON DATABASE %%I IS %%L', c.provider, d.datname, c.wanted) AS sql,
       'the same security label as before' AS why
  FROM change AS c
  JOIN pg_catalog.pg_database AS d ON d.oid = %(incoming)s
 WHERE c.wanted IS DISTINCT FROM c.present
 ORDER BY c.provider
