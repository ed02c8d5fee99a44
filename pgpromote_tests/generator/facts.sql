-- What pg_dump does not tell about a database, as lines that must be the same on both sides.
WITH own AS (
    SELECT c.oid, c.relkind, c.relispopulated, c.relreplident, format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
)
-- Which functions, operators, operator classes and collations an object means, whatever its text says.
SELECT DISTINCT 'uses ' || pg_describe_object(classid, objid, objsubid)
    || ' → ' || pg_describe_object(refclassid, refobjid, refobjsubid)
FROM pg_depend
WHERE deptype = 'n'
    AND classid <> 'pg_amop'::regclass AND classid <> 'pg_amproc'::regclass
    AND refclassid IN (
        'pg_operator'::regclass, 'pg_proc'::regclass, 'pg_opclass'::regclass, 'pg_opfamily'::regclass,
        'pg_collation'::regclass, 'pg_ts_config'::regclass, 'pg_ts_dict'::regclass)
UNION ALL
SELECT format('index %s valid %s ready %s clustered %s replica %s immediate %s', own.name, indisvalid, indisready,
    indisclustered, indisreplident, indimmediate)
FROM pg_index i JOIN own ON own.oid = i.indexrelid
UNION ALL
SELECT format('populated %s %s', name, relispopulated::text) FROM own WHERE relkind = 'm'
UNION ALL
SELECT format('inherits %s from %s as %s', child.name, parent.name, inhseqno)
FROM pg_inherits JOIN own child ON child.oid = inhrelid JOIN own parent ON parent.oid = inhparent
WHERE child.relkind IN ('r', 'p')
UNION ALL
SELECT format('validated %s on %s %s', c.conname, coalesce(own.name, 'a domain'), c.convalidated)
FROM pg_constraint c LEFT JOIN own ON own.oid = c.conrelid
WHERE c.oid >= 16384
    -- A child made after a NOT VALID check of its parent has it validated; restored, it comes with the parent's.
    AND (c.conislocal OR c.conrelid = 0)
UNION ALL
SELECT format('triggers of constraint %s on %s: %s', c.conname, own.name,
    string_agg(DISTINCT t.tgenabled::text, ' ' ORDER BY t.tgenabled::text))
FROM pg_trigger t JOIN pg_constraint c ON c.oid = t.tgconstraint JOIN own ON own.oid = t.tgrelid
WHERE t.tgisinternal AND c.contype = 'f'
GROUP BY c.oid, c.conname, own.name
UNION ALL
SELECT format('large object %s: %s', oid, encode(lo_get(oid), 'hex')) FROM pg_largeobject_metadata
