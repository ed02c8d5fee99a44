-- What of the role "builder" has no rights that others could be given: its publications.
SELECT pg_catalog.format('ALTER PUBLICATION %%I OWNER TO %%I', p.pubname, CURRENT_USER) AS sql,
       'the build login is done' AS why
  FROM pg_catalog.pg_publication AS p
  JOIN pg_catalog.pg_roles AS r ON r.oid = p.pubowner
 WHERE r.rolname = %(builder)s
 ORDER BY 1
