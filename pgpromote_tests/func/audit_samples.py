"""A database with the defects of each audit rule, and one without any."""

ROLES = """
DO $$ BEGIN CREATE ROLE audit_app; CREATE ROLE audit_other; EXCEPTION WHEN duplicate_object THEN END $$;
"""

# One schema per rule; nothing in it is wrong by another rule that warns.
DEFECTS = (
    ROLES
    + """
CREATE SCHEMA behind;
CREATE TABLE behind.serial (id serial PRIMARY KEY);
INSERT INTO behind.serial VALUES (5);
CREATE TABLE behind.filled (id smallserial PRIMARY KEY);
INSERT INTO behind.filled VALUES (32767);

CREATE SCHEMA near;
CREATE TABLE near.narrow (id integer PRIMARY KEY, n bigserial);
ALTER TABLE near.narrow ALTER COLUMN n TYPE integer;
SELECT setval('near.narrow_n_seq', 2000000000);
CREATE SEQUENCE near.used_up MAXVALUE 10;
SELECT setval('near.used_up', 10);
CREATE SEQUENCE near.down INCREMENT -1 MINVALUE -10;
SELECT setval('near.down', -9);
CREATE TABLE near.round (id smallint GENERATED ALWAYS AS IDENTITY (CYCLE) PRIMARY KEY);
SELECT setval('near.round_id_seq', 32000);

CREATE SCHEMA unowned;
CREATE SEQUENCE unowned.numbers;
CREATE TABLE unowned.t (id integer PRIMARY KEY DEFAULT nextval('unowned.numbers'));

CREATE SCHEMA invalid;
CREATE TABLE invalid.parent (id serial PRIMARY KEY);
CREATE TABLE invalid.child (id serial PRIMARY KEY, parent integer);
CREATE INDEX ON invalid.child (parent);
ALTER TABLE invalid.child ADD CONSTRAINT positive CHECK (id > 0) NOT VALID;
ALTER TABLE invalid.child ADD CONSTRAINT parents FOREIGN KEY (parent) REFERENCES invalid.parent NOT VALID;
CREATE DOMAIN invalid."Word" AS text;
ALTER DOMAIN invalid."Word" ADD CONSTRAINT short CHECK (length(VALUE) < 9) NOT VALID;
CREATE INDEX broken ON invalid.child (parent, id);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'invalid.broken'::regclass;
CREATE TABLE invalid.parts (id integer PRIMARY KEY, n integer) PARTITION BY RANGE (id);
CREATE TABLE invalid.parts_1 PARTITION OF invalid.parts FOR VALUES FROM (1) TO (9);
CREATE INDEX part ON ONLY invalid.parts (n);

CREATE MATERIALIZED VIEW unowned.summary AS SELECT 1 AS n WITH NO DATA;

CREATE SCHEMA off;
CREATE FUNCTION off.noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE FUNCTION off.seen() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE TABLE off.t (id serial PRIMARY KEY, parent integer REFERENCES off.t);
CREATE INDEX ON off.t (parent);
CREATE TRIGGER noted AFTER INSERT ON off.t FOR EACH STATEMENT EXECUTE FUNCTION off.noted();
ALTER TABLE off.t DISABLE TRIGGER noted;
CREATE RULE kept AS ON DELETE TO off.t DO ALSO NOTHING;
ALTER TABLE off.t DISABLE RULE kept;
CREATE EVENT TRIGGER audit_seen ON ddl_command_start EXECUTE FUNCTION off.seen();
ALTER EVENT TRIGGER audit_seen DISABLE;
CREATE TABLE off.loaded (id serial PRIMARY KEY, t integer CONSTRAINT to_t REFERENCES off.t);
CREATE INDEX ON off.loaded (t);
ALTER TABLE off.loaded DISABLE TRIGGER ALL;
ALTER ROLE audit_app IN DATABASE {database} SET session_replication_role = replica;

CREATE SCHEMA style;
CREATE TABLE style.keyless (n integer);
CREATE TABLE style.pairs (a integer, b integer, PRIMARY KEY (a, b));
CREATE TABLE style.refers (id serial PRIMARY KEY, b integer, a integer,
    CONSTRAINT pair FOREIGN KEY (a, b) REFERENCES style.pairs (a, b));
CREATE INDEX half ON style.refers (a);
CREATE INDEX half_again ON style.refers (a);
CREATE INDEX over_key ON style.refers (id);
CREATE UNLOGGED TABLE style.cache (id serial PRIMARY KEY);

CREATE SCHEMA mixed;
CREATE TABLE mixed.a (id serial PRIMARY KEY);
CREATE TABLE mixed.b (id serial PRIMARY KEY);
ALTER TABLE mixed.a OWNER TO audit_app;
ALTER TABLE mixed.b OWNER TO audit_other;

CREATE SCHEMA rights;
CREATE TABLE rights.closed (id serial PRIMARY KEY);
ALTER TABLE rights.closed ENABLE ROW LEVEL SECURITY;
CREATE TABLE rights.open (id serial PRIMARY KEY);
CREATE POLICY own ON rights.open USING (id = 1);
CREATE FUNCTION rights.all_of_it(n integer) RETURNS integer LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog AS 'SELECT 1';
CREATE FUNCTION rights.by_path() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
REVOKE EXECUTE ON FUNCTION rights.by_path() FROM PUBLIC;
CREATE VIEW rights.everything AS SELECT 1 AS n;
GRANT SELECT ON rights.everything TO PUBLIC;

CREATE SCHEMA published;
CREATE TABLE published.parts (id integer PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE published.keyless (n integer);
CREATE TABLE published.lost (id serial PRIMARY KEY);
ALTER TABLE published.lost REPLICA IDENTITY NOTHING;
CREATE PUBLICATION changes FOR TABLE published.keyless, published.lost;
CREATE PUBLICATION nothing;

CREATE SCHEMA dev;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER dev FOREIGN DATA WRAPPER nowhere OPTIONS (host 'dev.example');
CREATE USER MAPPING FOR audit_app SERVER dev OPTIONS (url 'postgresql://x:hush@h/shop_dev');
CREATE FOREIGN TABLE dev.far (n integer) SERVER dev OPTIONS (conninfo 'dbname = shop_dev');
CREATE FUNCTION dev.call() RETURNS text LANGUAGE sql AS $$ SELECT 'see DEV.example.' $$;
CREATE VIEW dev.link AS SELECT 'https://dev.example/x'::text AS url;
CREATE TABLE dev.t (id serial PRIMARY KEY, url text DEFAULT 'ftp://dev.example',
    file text GENERATED ALWAYS AS ('ftp://dev.example/' || id) STORED);
ALTER DATABASE {database} SET app.api = 'http://dev.example:80';
CREATE SUBSCRIPTION from_dev CONNECTION 'host=dev.example password=hush' PUBLICATION p
    WITH (connect = false, slot_name = NONE);

CREATE COLLATION dev.sorted (locale = 'C.UTF-8');
CREATE TABLE dev.words (word text COLLATE dev.sorted PRIMARY KEY);
UPDATE pg_collation SET collversion = '0' WHERE collname = 'sorted';
INSERT INTO pg_extension SELECT 99999, 'gone', 10, 11, true, '1', NULL, NULL;
UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'plpgsql';
INSERT INTO dev.t DEFAULT VALUES;
"""
)

FOUND = {
    "collation_changed": {"COLLATION dev.sorted"},
    "constraint_not_validated": {
        "invalid.child positive",
        "invalid.child parents",
        'invalid."Word" short',
    },
    "definer_open_to_public": {"rights.all_of_it(integer)"},
    "definer_without_search_path": {"rights.by_path()"},
    "extension_behind": {"gone", "plpgsql"},
    "foreign_key_without_index": {"style.refers pair"},
    "index_duplicate": {"style.half_again", "style.over_key"},
    "index_invalid": {"invalid.broken", "invalid.part"},
    "materialized_view_unpopulated": {"unowned.summary"},
    "never_analyzed": {"behind.serial", "behind.filled", "dev.t"},
    "owned_by_superuser": {
        "behind", "dev", "invalid", "near", "off", "published", "rights", "style", "unowned",
    },
    "owner_mix": {"mixed"},
    "partitioned_without_partitions": {"published.parts"},
    "points_at_dev": {
        "default of dev.t.file",
        "default of dev.t.url",
        "foreign server dev",
        "foreign table dev.far",
        "routine dev.call()",
        "setting of this database",
        "subscription from_dev",
        "user mapping of audit_app on dev",
        "view dev.link",
    },
    "policy_without_rls": {"rights.open"},
    "publication_empty": {"nothing"},
    "published_without_replica_identity": {"published.keyless", "published.lost"},
    "rls_without_policy": {"rights.closed"},
    "sequence_behind": {"behind.filled.id", "behind.serial.id"},
    "sequence_near_end": {"near.down", "near.narrow_n_seq", "near.round_id_seq", "near.used_up"},
    "sequence_without_owner": {"unowned.numbers"},
    "table_unlogged": {"style.cache"},
    "table_without_primary_key": {"published.keyless", "style.keyless"},
    "triggers_off_by_setting": {"ROLE audit_app IN DATABASE {database}"},
    "view_open_to_public": {"rights.everything"},
}  # fmt: skip

# What each rule must leave alone, as one database without any finding.
SOUND = (
    ROLES
    + """
ALTER SCHEMA public OWNER TO audit_app;
SET ROLE audit_app;
CREATE TABLE parent (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a integer, b integer,
    UNIQUE (a, b));
CREATE TABLE child (id bigserial PRIMARY KEY, a integer, b integer, url text DEFAULT 'http://mydev.example',
    FOREIGN KEY (a, b) REFERENCES parent (a, b), CHECK (id > 0));
CREATE INDEX by_pair ON child (b, a, url);
CREATE INDEX partly ON child (a) WHERE b > 1;
CREATE INDEX otherwise ON child (a DESC) WHERE b > 1;
INSERT INTO parent (a, b) SELECT n, n FROM generate_series(1, 9) AS n;
INSERT INTO child (a, b) VALUES (1, 1);
CREATE TABLE behind_below (id serial PRIMARY KEY);
INSERT INTO behind_below VALUES (-5);
CREATE SEQUENCE round MAXVALUE 10 CYCLE;
CREATE TABLE turns (id serial PRIMARY KEY, turn bigint DEFAULT nextval('round'));
ALTER SEQUENCE round OWNED BY turns.turn;
SELECT setval('round', 10);
CREATE SEQUENCE shared;
CREATE TABLE shared_a (id integer PRIMARY KEY DEFAULT nextval('shared'));
CREATE TABLE shared_b (id integer PRIMARY KEY DEFAULT nextval('shared'));
CREATE TABLE parts (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, n integer)
    PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (9);
CREATE INDEX ON parts (n);
INSERT INTO parts (n) VALUES (1);
CREATE MATERIALIZED VIEW summary AS SELECT count(*) AS n FROM child;
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS
    $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER noted AFTER INSERT ON child FOR EACH STATEMENT EXECUTE FUNCTION noted();
CREATE TABLE hidden (id serial PRIMARY KEY);
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON hidden USING (id = 1);
CREATE FUNCTION definer() RETURNS integer LANGUAGE sql SECURITY DEFINER
    SET search_path = public AS 'SELECT 1';
CREATE FUNCTION bound() RETURNS integer LANGUAGE sql SECURITY DEFINER RETURN 1;
CREATE FUNCTION named() RETURNS text LANGUAGE sql AS
    $$ SELECT 'shop_dev of dev.example.org, prod.dev.example, dev-example' $$;
CREATE VIEW shown AS SELECT 1 AS n;
GRANT SELECT ON shown TO PUBLIC;
CREATE TYPE span AS RANGE (subtype = integer);
CREATE TYPE colour AS ENUM ('red');
CREATE TYPE pair AS (a text, b text);
CREATE DOMAIN word AS text;
CREATE TABLE wide (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, s span, c colour[], p pair, w word);
CREATE TABLE fully (id serial PRIMARY KEY, n integer NOT NULL DEFAULT 1);
CREATE UNIQUE INDEX by_n ON fully (n);
ALTER TABLE fully REPLICA IDENTITY USING INDEX by_n;
RESET ROLE;
CREATE PUBLICATION all_of_it FOR ALL TABLES;
CREATE PUBLICATION whole FOR TABLES IN SCHEMA public;
CREATE PUBLICATION two FOR TABLE child, fully;
CREATE TEMPORARY TABLE mine (n integer);
ANALYZE;
"""
)
