-- severity: warning
-- follows dev: yes
-- ignored: Rows that break it stay, and queries and people who rely on it are wrong.
-- fix: ALTER {kind} {name} VALIDATE CONSTRAINT {constraint};
--
-- A constraint that is NOT VALID or NOT ENFORCED: rows that break it may be there already. It stays so after an
-- interrupted migration; the archive carries it as it is.
SELECT o.name || ' ' || pg_catalog.quote_ident(k.conname) AS object,
       CASE WHEN e.enforced THEN 'It holds for new rows only: it was never validated.'
            ELSE 'It is not enforced, for old and new rows alike.'
        END AS message,
       o.kind,
       o.name,
       CASE WHEN e.enforced THEN pg_catalog.quote_ident(k.conname) END AS "constraint"
  FROM pg_catalog.pg_constraint AS k
  LEFT JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
  LEFT JOIN pg_catalog.pg_type AS t ON t.oid = k.contypid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = coalesce(c.relnamespace, t.typnamespace)
 -- The column came with PostgreSQL 18.
 CROSS JOIN LATERAL (
       SELECT coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::pg_catalog.bool, true)) AS e(enforced)
 CROSS JOIN LATERAL (
       SELECT CASE WHEN c.oid IS NULL THEN 'DOMAIN' ELSE 'TABLE' END,
              pg_catalog.format('%I.%I', n.nspname, coalesce(c.relname, t.typname))) AS o(kind, name)
 WHERE k.oid >= 16384  -- the first number a user's object can have
   AND k.conparentid = 0
   AND NOT k.convalidated  -- so is one that is not enforced
 ORDER BY n.nspname, o.name, k.conname
