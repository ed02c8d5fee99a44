-- On dev's server, as a superuser, in the database that is dumped.
\getenv password DUMPER_PASSWORD
CREATE ROLE dumper LOGIN PASSWORD :'password';
GRANT pg_read_all_data TO dumper;

-- Row-level security would hide rows from the dump. Leave this out when dev has no policies.
ALTER ROLE dumper BYPASSRLS;

-- Large objects are not part of pg_read_all_data. Run this again when new ones were made.
SELECT format('GRANT SELECT ON LARGE OBJECT %s TO dumper', oid) FROM pg_largeobject_metadata \gexec
