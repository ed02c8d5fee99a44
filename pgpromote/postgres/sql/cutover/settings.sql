-- Give the incoming database the settings of the outgoing one: ALTER DATABASE SET, ALTER ROLE IN DATABASE SET.
-- A list of names is stored as one text, quoted; given as one text it would become a list of one name. These are
-- the lists that can be set for a database (variable_is_guc_list_quote in PostgreSQL's pg_dump).
WITH setting AS (
    SELECT s.setdatabase, s.setrole, split.name, pg_catalog.substr(c.entry, pg_catalog.length(split.name) + 2) AS value
      FROM pg_catalog.pg_db_role_setting AS s
     CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (entry)
     CROSS JOIN LATERAL (VALUES (pg_catalog.split_part(c.entry, '=', 1))) AS split (name)
     WHERE s.setdatabase IN (%(outgoing)s, %(incoming)s)
), wanted AS (
    SELECT s.setrole, s.name, s.value FROM setting AS s WHERE s.setdatabase = %(outgoing)s
), present AS (
    SELECT s.setrole, s.name, s.value FROM setting AS s WHERE s.setdatabase = %(incoming)s
), change AS (
    SELECT w.setrole, w.name, w.value
      FROM (SELECT * FROM wanted EXCEPT SELECT * FROM present) AS w
     UNION ALL
    SELECT p.setrole, p.name, NULL
      FROM present AS p
     WHERE NOT EXISTS (SELECT FROM wanted AS w WHERE w.setrole = p.setrole AND w.name = p.name)
)
SELECT CASE WHEN c.setrole = 0 THEN pg_catalog.format('ALTER DATABASE %%I ', d.datname)
            ELSE pg_catalog.format('ALTER ROLE %%I IN DATABASE %%I ', r.rolname, d.datname)
       END
       || CASE WHEN c.value IS NULL THEN pg_catalog.format('RESET %%I', c.name)
               ELSE pg_catalog.format('SET %%I TO %%s', c.name,
                        CASE WHEN c.name IN ('local_preload_libraries', 'search_path', 'session_preload_libraries', 'temp_tablespaces')
                             THEN coalesce(list.elements, '''''')
                             ELSE pg_catalog.quote_literal(c.value)
                        END)
          END AS sql,
       'the same setting as before' AS why
  FROM change AS c
  JOIN pg_catalog.pg_database AS d ON d.oid = %(incoming)s
  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = c.setrole
 CROSS JOIN LATERAL (
        SELECT pg_catalog.string_agg(pg_catalog.quote_literal(coalesce(pg_catalog.replace(m.part[1], '""', '"'), pg_catalog.rtrim(m.part[2]))), ', '
                   ORDER BY m.place) AS elements
          FROM pg_catalog.regexp_matches(c.value, '"((?:[^"]|"")*)"|([^",[:space:]][^,]*)', 'g') WITH ORDINALITY AS m (part, place)
       ) AS list
 WHERE c.setrole = 0 OR r.oid IS NOT NULL
 ORDER BY c.setrole, c.name
