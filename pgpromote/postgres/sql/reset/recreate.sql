-- Drop the schema and create it anew. Its grants come later, after its extensions.
SELECT step.sql, step.why
  FROM pg_catalog.pg_namespace AS n
 CROSS JOIN LATERAL (
        VALUES (1, pg_catalog.format('DROP SCHEMA %%I CASCADE', n.nspname),
                'the archive fills an empty schema'),
               (2, pg_catalog.format('CREATE SCHEMA %%I AUTHORIZATION %%I', n.nspname, pg_catalog.pg_get_userbyid(n.nspowner)),
                'the same owner as before')
       ) AS step (number, sql, why)
 WHERE n.nspname = %(schema)s
 ORDER BY step.number
