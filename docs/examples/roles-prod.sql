-- On prod's server, as a superuser, in prod. Here prod is called shop and its owner shop_owner.
\getenv password PROMOTER_PASSWORD
CREATE ROLE promoter LOGIN CREATEDB PASSWORD :'password';

-- It acts as the owner of prod and of everything in it. Do this for each role that owns something.
GRANT shop_owner TO promoter;

-- It may end the sessions that stand in the way of the swap. Superusers' sessions stay out of its reach.
GRANT pg_signal_backend TO promoter;

-- Only for `pgpromote mark-prod`, and from PostgreSQL 15: the mark is a setting of the database.
GRANT SET ON PARAMETER pgpromote.environment TO promoter;
