-- severity: warning
-- follows dev: yes
-- ignored: What it checks or writes is not done, and nothing says so.
-- fix: ALTER {kind} {name} ENABLE{what};
--
-- A trigger, rule or event trigger that is switched off, the server's own triggers behind a foreign key included. A
-- load with triggers disabled that was broken off leaves them so.
SELECT o.object, o.message, o.kind, o.name, o.what
  FROM (SELECT pg_catalog.format('%I.%I %I', n.nspname, c.relname, g.tgname),
               CASE WHEN g.tgisinternal AND k.oid IS NOT NULL
                    THEN pg_catalog.format('The constraint %I is not checked: its trigger is disabled.', k.conname)
                    ELSE 'The trigger is disabled.'
                END,
               'TABLE',
               pg_catalog.format('%I.%I', n.nspname, c.relname),
               pg_catalog.format(' TRIGGER %I', g.tgname)
          FROM pg_catalog.pg_trigger AS g
          JOIN pg_catalog.pg_class AS c ON c.oid = g.tgrelid
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
          LEFT JOIN pg_catalog.pg_constraint AS k ON k.oid = g.tgconstraint
         WHERE g.tgenabled = 'D'
         UNION ALL
        SELECT pg_catalog.format('%I.%I %I', n.nspname, c.relname, r.rulename),
               'The rule is disabled.',
               'TABLE',
               pg_catalog.format('%I.%I', n.nspname, c.relname),
               pg_catalog.format(' RULE %I', r.rulename)
          FROM pg_catalog.pg_rewrite AS r
          JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
         WHERE r.ev_enabled = 'D'
         UNION ALL
        SELECT pg_catalog.quote_ident(e.evtname), 'The event trigger is disabled.', 'EVENT TRIGGER',
               pg_catalog.quote_ident(e.evtname), ''
          FROM pg_catalog.pg_event_trigger AS e
         WHERE e.evtenabled = 'D'
       ) AS o(object, message, kind, name, what)
 ORDER BY o.object, o.what
