-- A warehouse that has grown for years: partitions on two levels, inheritance, types of its own, odd names.
CREATE SCHEMA core;
CREATE SCHEMA raw;
CREATE SCHEMA mart;
CREATE SCHEMA audit;
CREATE SCHEMA "Übersicht";
CREATE SCHEMA "old ""warehouse"" 2.0";
COMMENT ON SCHEMA "Übersicht" IS 'Für Menschen; "mart" ist für Programme';

-- Types

CREATE TYPE core.region AS ENUM ('north', 'east', 'south', 'west', 'Übersee');
ALTER TYPE core.region ADD VALUE 'moon' BEFORE 'Übersee';
CREATE TYPE core.order_state AS ENUM ('new', 'paid', 'sent', 'returned');
ALTER TYPE core.order_state RENAME VALUE 'sent' TO 'shipped';
CREATE TYPE raw."load state" AS ENUM ('loaded', 'failed; see "log"', 'it''s skipped');
CREATE DOMAIN core.amount AS numeric(14, 4) DEFAULT 0 CONSTRAINT not_absurd CHECK (VALUE > -1e9);
CREATE DOMAIN core.country AS character(2) COLLATE "C" CHECK (VALUE ~ '^[A-Z]{2}$');
CREATE DOMAIN core.percentage AS integer CONSTRAINT at_least CHECK (VALUE >= 0) CONSTRAINT at_most CHECK (VALUE <= 100);
CREATE DOMAIN core.discount AS core.percentage NOT NULL CHECK (VALUE <= 50);
CREATE TYPE core.place AS (street text, city text, country core.country);
ALTER TYPE core.place ADD ATTRIBUTE zip text;
CREATE FUNCTION core.band_width(upper numeric, lower numeric) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN (upper - lower)::double precision;
CREATE TYPE core.price_band AS RANGE (subtype = numeric, subtype_diff = core.band_width, multirange_type_name = core.price_bands);

-- Functions

CREATE FUNCTION core.normalised_customer_reference_number(reference text, separator character varying DEFAULT '-', width integer DEFAULT 8)
    RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT pg_catalog.lpad($1, $3, $2)$$;
CREATE FUNCTION core.touch() RETURNS trigger LANGUAGE plpgsql AS $body$
begin
  new.changed_at := timestamptz '2024-01-01 00:00:00+00';  -- ';' and $$ are no end
  return new;
end
$body$;
CREATE FUNCTION audit.count_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path TO audit, pg_catalog AS $$
begin
  insert into change_counts(relation, operation, number) select tg_relid::regclass::text, tg_op, count(*) from changed;
  return null;
end $$;
CREATE FUNCTION audit.check_total() RETURNS trigger LANGUAGE plpgsql AS $$begin return null; end$$;
CREATE FUNCTION mart.week_of(at date) RETURNS date LANGUAGE sql IMMUTABLE
    RETURN pg_catalog.date_trunc('week', at::timestamp without time zone)::date;
CREATE FUNCTION mart.sum_of_places(VARIADIC places core.place[]) RETURNS TABLE(city text, number bigint) LANGUAGE sql STABLE ROWS 10 COST 50
    AS $$SELECT (p).city, count(*) FROM unnest(places) AS p GROUP BY 1$$;
CREATE PROCEDURE audit.forget(INOUT days integer DEFAULT 30) LANGUAGE plpgsql AS $$begin days := days + 1; end$$;
CREATE AGGREGATE mart.product(numeric) (sfunc = numeric_mul, stype = numeric, initcond = '1');
CREATE AGGREGATE mart.last_seen(timestamp with time zone) (sfunc = timestamptz_larger, stype = timestamp with time zone, sortop = >);
CREATE FUNCTION core.same_place(core.place, core.place) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN ($1).city = ($2).city;
CREATE OPERATOR core.~~~ (LEFTARG = core.place, RIGHTARG = core.place, FUNCTION = core.same_place, COMMUTATOR = OPERATOR(core.~~~));
CREATE FUNCTION core.to_region(integer) RETURNS core.region LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN $1 % 2 = 0 THEN 'north'::core.region ELSE 'west'::core.region END;
CREATE CAST (integer AS core.region) WITH FUNCTION core.to_region(integer);
CREATE TEXT SEARCH DICTIONARY core.plain (TEMPLATE = simple, stopwords = english);
CREATE TEXT SEARCH CONFIGURATION core.plain (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION core.plain ALTER MAPPING FOR asciiword, word WITH core.plain;
CREATE COLLATION core.bytewise (provider = libc, locale = 'C');

-- Dimensions

CREATE SEQUENCE core.document_numbers INCREMENT BY 10 START WITH 1000 CACHE 20;
CREATE SEQUENCE core."cycle" AS smallint MINVALUE 5 MAXVALUE 25 CYCLE;
CREATE TABLE core.calendar (day date PRIMARY KEY, week date GENERATED ALWAYS AS (mart.week_of(day)) STORED, holiday text);
CREATE TABLE core.countries (code core.country PRIMARY KEY, name text NOT NULL COLLATE core.bytewise, region core.region NOT NULL DEFAULT 'north');
CREATE TABLE core.customers (
    id bigint GENERATED ALWAYS AS IDENTITY (START WITH 100 INCREMENT BY 5) PRIMARY KEY,
    reference text NOT NULL CONSTRAINT customers_reference_is_normalised CHECK (core.normalised_customer_reference_number(reference) <> ''),
    legacy_code integer, home core.place, country core.country REFERENCES core.countries ON UPDATE CASCADE,
    birthday date, tags text[] DEFAULT '{}'::text[] NOT NULL, attributes jsonb DEFAULT '{"vip": false}',
    changed_at timestamp with time zone DEFAULT now() NOT NULL);
CREATE TABLE core.customer_notes (customer_id bigint REFERENCES core.customers ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, number integer, note text, PRIMARY KEY (customer_id, number));
CREATE TABLE core.products (
    id serial PRIMARY KEY, sku character varying(40) NOT NULL UNIQUE, name text, list_price core.amount, band core.price_band,
    discontinued boolean DEFAULT false NOT NULL, successor_id integer,
    search tsvector GENERATED ALWAYS AS (to_tsvector('simple', coalesce(name, ''))) STORED);
ALTER TABLE core.products ADD CONSTRAINT products_successor_fkey FOREIGN KEY (successor_id) REFERENCES core.products ON DELETE SET NULL (successor_id);
CREATE TABLE core.product_prices (
    product_id integer REFERENCES core.products, valid daterange NOT NULL, price core.amount,
    EXCLUDE USING gist (int4range(product_id, product_id, '[]') WITH =, valid WITH &&) WHERE (NOT isempty(valid)));
CREATE TABLE core.stores (id smallint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text UNIQUE NULLS NOT DISTINCT, area box, opened tsrange, EXCLUDE USING gist (area WITH &&));
CREATE TABLE core.employees (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, boss_id integer REFERENCES core.employees, store_id smallint REFERENCES core.stores, salary core.amount, share core.discount DEFAULT 5, hired date);
CREATE TABLE core.store_targets (store_id smallint REFERENCES core.stores, year integer, target core.amount, PRIMARY KEY (store_id, year) INCLUDE (target)) WITH (fillfactor = 70);
CREATE TABLE core.currencies (code character(3) PRIMARY KEY, decimals smallint);
CREATE TABLE core.exchange_rates (currency character(3) REFERENCES core.currencies MATCH FULL, day date REFERENCES core.calendar, rate double precision, PRIMARY KEY (currency, day));
CREATE TABLE core."user" (id uuid PRIMARY KEY, "select" text, "order" integer DEFAULT nextval('core.document_numbers'::regclass), "group" text[]);
CREATE TABLE core.campaigns (
    id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text, during tstzmultirange, budget numeric, weights real[],
    bits bit varying(9), mac macaddr, net cidr, doc json, path path, span interval day to second);
CREATE TABLE core.campaign_products (campaign_id integer REFERENCES core.campaigns, product_id integer REFERENCES core.products, PRIMARY KEY (campaign_id, product_id));
CREATE TABLE core.suppliers (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text NOT NULL, contact core.place[]);
CREATE TABLE core.supplier_products (supplier_id integer REFERENCES core.suppliers, product_id integer REFERENCES core.products, delay interval, PRIMARY KEY (supplier_id, product_id));
CREATE TABLE core.nothing ();
CREATE UNLOGGED TABLE raw.scratch (line text COMPRESSION pglz);
ALTER TABLE raw.scratch ALTER COLUMN line SET STORAGE EXTERNAL;

-- Facts: partitions on two levels

CREATE TABLE core.sales (
    id bigint NOT NULL, sold_on date NOT NULL, region core.region NOT NULL, customer_id bigint, product_id integer,
    quantity integer DEFAULT 1, amount core.amount, note text DEFAULT 'n/a', state core.order_state DEFAULT 'new',
    CONSTRAINT sales_quantity_positive CHECK (quantity > 0)) PARTITION BY RANGE (sold_on);
CREATE TABLE core.sales_other PARTITION OF core.sales DEFAULT;
DO $$
declare year integer; part core.region;
begin
  for year in 2019..2022 loop
    execute format('CREATE TABLE core.sales_%s PARTITION OF core.sales FOR VALUES FROM (%L) TO (%L) PARTITION BY LIST (region)', year, year || '-01-01', year + 1 || '-01-01');
    foreach part in array enum_range(null::core.region) loop
      continue when part in ('moon', 'west');
      execute format('CREATE TABLE core.%I PARTITION OF core.sales_%s FOR VALUES IN (%L)', 'sales_' || year || '_' || part, year, part);
    end loop;
    execute format('CREATE TABLE core.sales_%s_rest PARTITION OF core.sales_%s FOR VALUES IN (''west'', ''moon'')', year, year);
  end loop;
end $$;
-- One that was a table of its own, with its columns in another order, gaps, and without defaults that its parent has.
CREATE TABLE core.sales_2023 (
    note text, gone integer, id bigint NOT NULL, amount core.amount, region core.region NOT NULL, sold_on date NOT NULL, gone_too text,
    customer_id bigint, product_id integer, quantity integer DEFAULT 2, state core.order_state, CONSTRAINT sales_quantity_positive CHECK (quantity > 0));
ALTER TABLE core.sales_2023 DROP COLUMN gone, DROP COLUMN gone_too;
ALTER TABLE core.sales ATTACH PARTITION core.sales_2023 FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
ALTER TABLE core.sales ADD PRIMARY KEY (id, sold_on, region);
ALTER TABLE core.sales ADD CONSTRAINT sales_customer_fkey FOREIGN KEY (customer_id) REFERENCES core.customers;
ALTER TABLE core.sales ADD CONSTRAINT sales_product_fkey FOREIGN KEY (product_id) REFERENCES core.products;
CREATE INDEX sales_by_state ON core.sales (state, sold_on DESC) WHERE state <> 'new';
CREATE INDEX ON core.sales USING brin (sold_on);
CREATE TABLE core.returns (sale_id bigint, sold_on date, region core.region, reason text, PRIMARY KEY (sale_id, sold_on, region), FOREIGN KEY (sale_id, sold_on, region) REFERENCES core.sales);
CREATE TABLE raw.events (id uuid NOT NULL, kind text, at timestamp with time zone NOT NULL, payload jsonb, PRIMARY KEY (id)) PARTITION BY HASH (id);
CREATE TABLE raw.events_0 PARTITION OF raw.events FOR VALUES WITH (modulus 4, remainder 0);
CREATE TABLE raw.events_1 PARTITION OF raw.events FOR VALUES WITH (modulus 4, remainder 1);
CREATE TABLE raw.events_2 PARTITION OF raw.events FOR VALUES WITH (modulus 4, remainder 2);
CREATE TABLE raw.events_3 PARTITION OF raw.events FOR VALUES WITH (modulus 4, remainder 3);
CREATE TABLE raw.clicks (site text, visitor integer, clicked_at timestamp without time zone, url text) PARTITION BY LIST (site);
CREATE TABLE raw.clicks_shop PARTITION OF raw.clicks FOR VALUES IN ('shop', 'Shop ''two''') PARTITION BY HASH (visitor);
CREATE TABLE raw.clicks_shop_even PARTITION OF raw.clicks_shop FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE raw.clicks_shop_odd PARTITION OF raw.clicks_shop FOR VALUES WITH (modulus 2, remainder 1);
CREATE TABLE raw.clicks_blog PARTITION OF raw.clicks FOR VALUES IN ('blog', NULL) PARTITION BY RANGE (lower(url), clicked_at);
CREATE TABLE raw.clicks_blog_a PARTITION OF raw.clicks_blog FOR VALUES FROM (MINVALUE, MINVALUE) TO ('m', MINVALUE);
CREATE TABLE raw.clicks_blog_m PARTITION OF raw.clicks_blog FOR VALUES FROM ('m', MINVALUE) TO (MAXVALUE, MAXVALUE);
CREATE TABLE raw.clicks_rest PARTITION OF raw.clicks (url DEFAULT '/') DEFAULT;
CREATE TABLE core.stock_levels (store_id smallint, product_id integer, level integer, PRIMARY KEY (store_id, product_id)) PARTITION BY RANGE (store_id);
CREATE TABLE core.stock_levels_low PARTITION OF core.stock_levels FOR VALUES FROM (MINVALUE) TO ('10');
CREATE TABLE core.stock_levels_high PARTITION OF core.stock_levels FOR VALUES FROM ('10') TO (MAXVALUE);

-- Feeds: inheritance, with columns that came later

CREATE TABLE raw.feed (id bigint GENERATED BY DEFAULT AS IDENTITY, received timestamp with time zone DEFAULT '2020-01-01 00:00+00' NOT NULL, source text);
CREATE TABLE raw.signed (signature bytea, checked boolean DEFAULT false);
CREATE TABLE raw.feed_orders (order_number text, total numeric) INHERITS (raw.feed);
CREATE TABLE raw.feed_prices (sku text, price numeric CHECK (price >= 0)) INHERITS (raw.feed, raw.signed);
CREATE TABLE raw.feed_prices_archive (archived_on date) INHERITS (raw.feed_prices);
CREATE TABLE raw.feed_weather (id bigint NOT NULL, received timestamp with time zone NOT NULL, source text DEFAULT 'station 7', degrees real);
ALTER TABLE raw.feed_weather INHERIT raw.feed;
ALTER TABLE raw.feed ADD COLUMN state raw."load state" DEFAULT 'loaded', ADD COLUMN attempts integer DEFAULT 1 NOT NULL;
ALTER TABLE raw.feed_orders ALTER COLUMN attempts SET DEFAULT 3, ALTER COLUMN state DROP DEFAULT;
ALTER TABLE raw.feed_prices DROP COLUMN sku, ADD COLUMN article text;
ALTER TABLE raw.signed ADD COLUMN algorithm text DEFAULT 'ed25519';
ALTER TABLE raw.feed ADD CONSTRAINT attempts_are_counted CHECK (attempts > 0);
ALTER TABLE raw.feed ADD CONSTRAINT only_the_feed_itself CHECK (id > 0) NO INHERIT;

-- Marts, audit, odd names

CREATE TABLE audit.change_counts (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, relation text, operation text, number bigint);
CREATE TABLE audit.log (at timestamp(3) without time zone, who name, what text);
CREATE TABLE mart.revenue_by_week (week date, region core.region, revenue numeric, PRIMARY KEY (week, region));
CREATE TABLE mart.top_customers (rank integer, customer_id bigint REFERENCES core.customers, score double precision DEFAULT 'NaN');
CREATE TABLE mart.segments (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, rule text, share core.percentage);
CREATE TABLE mart.segment_members (segment_id integer REFERENCES mart.segments, customer_id bigint REFERENCES core.customers, since date, PRIMARY KEY (segment_id, customer_id));
CREATE TABLE mart.load_log (id bigserial PRIMARY KEY, job text, started timestamp with time zone, took interval, ok boolean);
CREATE TABLE "Übersicht"."Umsätze je Straße" ("Straße" text, "Größe (m²)" numeric, "100 %" core.percentage, "a""b" integer, "日本" text, PRIMARY KEY ("Straße"));
CREATE TABLE "Übersicht"."Kennzahlen.täglich" ("Tag" date PRIMARY KEY, "Wert; ""roh""" double precision, "\" text);
CREATE TABLE "Übersicht"."日本語の表" ("列" integer PRIMARY KEY, "値" text DEFAULT 'ひらがな');
CREATE TABLE "Übersicht"."🙂 emoji	and tab " (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, "ПОЛЕ" text);
CREATE TABLE "old ""warehouse"" 2.0"."fact__sales__aggregated_by_customer_and_month_with_returns_2014" (
    id integer GENERATED BY DEFAULT AS IDENTITY CONSTRAINT "fact__sales__aggregated_by_customer_and_month_with_returns_pkey" PRIMARY KEY,
    customer_reference_number_as_delivered_by_the_source_system_v10 text, val integer);
CREATE TABLE "old ""warehouse"" 2.0"."CamelCase" ("Id" integer PRIMARY KEY, "fact_Id" integer REFERENCES "old ""warehouse"" 2.0"."fact__sales__aggregated_by_customer_and_month_with_returns_2014", "order" text);
CREATE TABLE "old ""warehouse"" 2.0"."with space" ("a b" integer, "c.d" text, "%s" text, "'quote'" text, "{brace}" text);

-- Rows

INSERT INTO core.calendar (day, holiday) SELECT date '2019-01-01' + n, CASE WHEN n % 30 = 0 THEN 'holiday ' || n END FROM generate_series(0, 400) n;
INSERT INTO core.countries VALUES ('DE', 'Deutschland', 'north'), ('AT', 'Österreich', 'south'), ('JP', '日本', 'east'), ('US', 'USA', 'Übersee');
INSERT INTO core.customers (reference, legacy_code, home, country, birthday, tags, attributes, changed_at)
SELECT 'C' || n, n, ROW('Straße ' || n, CASE WHEN n % 3 > 0 THEN 'Köln' END, 'DE', '5066' || n)::core.place,
       (ARRAY['DE', 'AT', 'JP', 'US', NULL])[1 + n % 5]::core.country, date '1970-02-28' + n * 97, ARRAY['t' || n % 7, NULL, 'ü"\'],
       jsonb_build_object('n', n, 'x', NULL, 'deep', jsonb_build_object('f', n / 3.0)), '2023-03-26 02:30:00+01'
  FROM generate_series(1, 200) n;
INSERT INTO core.customer_notes SELECT 100 + 5 * (n % 200), n, repeat('note ', n % 9) FROM generate_series(1, 150) n;
INSERT INTO core.products (sku, name, list_price, band) SELECT 'SKU-' || n, 'Product ' || n, n * 1.2345, core.price_band(n, n * 2) FROM generate_series(1, 80) n;
UPDATE core.products SET successor_id = id + 1 WHERE id % 10 = 0 AND id < 80;
INSERT INTO core.product_prices SELECT n, daterange(date '2020-01-01' + m * 100, date '2020-01-01' + m * 100 + 99), n + m FROM generate_series(1, 80) n, generate_series(0, 1) m;
INSERT INTO core.stores (name, area, opened) SELECT nullif('Store ' || n, 'Store 7'), box(point(n * 10, 0), point(n * 10 + 5, 5)), tsrange('2020-01-01', '2021-01-01') FROM generate_series(1, 20) n;
INSERT INTO core.employees (boss_id, store_id, salary, share, hired) SELECT nullif(n / 5, 0), 1 + n % 20, 1000.5 * n, n % 50, date '2015-05-05' + n FROM generate_series(1, 60) n;
INSERT INTO core.store_targets SELECT s, y, s * y FROM generate_series(1, 20) s, generate_series(2019, 2022) y;
INSERT INTO core.currencies VALUES ('EUR', 2), ('JPY', 0), ('KWD', 3);
INSERT INTO core.exchange_rates SELECT c.code, k.day, 1 / 7.0 + extract(day FROM k.day)::double precision FROM core.currencies c, core.calendar k WHERE k.day < '2019-03-01';
INSERT INTO core."user" (id, "select", "group") SELECT md5(n::text)::uuid, 'x', ARRAY['a', n::text] FROM generate_series(1, 30) n;
INSERT INTO core.campaigns (name, during, budget, weights, bits, mac, net, doc, path, span)
SELECT 'Campaign ' || n, tstzmultirange(tstzrange('2020-01-01 00:00+00', '2020-02-01 00:00+00')), n, ARRAY[n / 3.0, 'Infinity', '-0']::real[], B'1011'::bit varying(9),
       '08:00:2b:01:02:03', '10.1.0.0/16', '{"b": 1,  "a": [1, 2]}', '[(0,0),(1,1)]', '3 days 04:05:06.789'
  FROM generate_series(1, 12) n;
INSERT INTO core.campaign_products SELECT 1 + n % 12, 1 + n FROM generate_series(1, 70) n;
INSERT INTO core.suppliers (name, contact) SELECT 'Supplier ' || n, ARRAY[ROW('a', 'b', 'JP', NULL)::core.place, NULL] FROM generate_series(1, 15) n;
INSERT INTO core.supplier_products SELECT 1 + n % 15, n, n * interval '1 mon 2 days' FROM generate_series(1, 60) n;
INSERT INTO core.nothing DEFAULT VALUES;
INSERT INTO core.nothing DEFAULT VALUES;
INSERT INTO raw.scratch SELECT repeat(md5(n::text), 200) FROM generate_series(1, 5) n;
INSERT INTO core.sales (id, sold_on, region, customer_id, product_id, quantity, amount, state)
SELECT n, date '2018-12-30' + n * 3, (enum_range(NULL::core.region))[1 + n % 6], 100 + 5 * (n % 200), 1 + n % 80, 1 + n % 4, n * 0.3333, (enum_range(NULL::core.order_state))[1 + n % 4] FROM generate_series(1, 700) n;
INSERT INTO core.returns SELECT id, sold_on, region, CASE WHEN id % 20 = 0 THEN E'broken\ttwice\\' END FROM core.sales WHERE id % 10 = 0;
INSERT INTO raw.events SELECT md5('e' || n)::uuid, 'kind ' || n % 4, timestamptz '2021-10-31 00:30+00' + n * interval '17 minutes', jsonb_build_object('n', n) FROM generate_series(1, 300) n;
INSERT INTO raw.clicks SELECT (ARRAY['shop', 'Shop ''two''', 'blog', NULL, 'else'])[1 + n % 5], n % 40, timestamp '2022-01-01' + n * interval '1 hour', (ARRAY['/Apfel', 'Z/', '/zoo'])[1 + n % 3] || n FROM generate_series(1, 300) n;
INSERT INTO core.stock_levels SELECT s, p, s * p FROM generate_series(1, 20) s, generate_series(1, 10) p;
INSERT INTO raw.feed (source) SELECT 'feed ' || n FROM generate_series(1, 20) n;
INSERT INTO raw.feed_orders (id, source, order_number, total, state) SELECT 50 + n, 'o', n::text, n, 'it''s skipped' FROM generate_series(1, 40) n;
INSERT INTO raw.feed_prices (id, price, article, signature) SELECT 100 + n, n, 'article ' || n, decode(md5(n::text), 'hex') FROM generate_series(1, 40) n;
INSERT INTO raw.feed_prices_archive (id, price, archived_on) SELECT 200 + n, n, date '2020-01-01' + n FROM generate_series(1, 10) n;
INSERT INTO raw.feed_weather (id, received, degrees) SELECT 300 + n, '2022-02-02 02:02+02', n / 3.0 FROM generate_series(1, 10) n;
INSERT INTO audit.log SELECT timestamp '2022-01-01 00:00:00.1234' + n * interval '1 s', 'somebody', 'said ' || n FROM generate_series(1, 30) n;
INSERT INTO mart.revenue_by_week SELECT mart.week_of(sold_on), region, sum(amount) FROM core.sales GROUP BY 1, 2;
INSERT INTO mart.top_customers SELECT n, 100 + 5 * n, CASE WHEN n % 4 > 0 THEN n / 7.0 ELSE 'Infinity' END FROM generate_series(1, 20) n;
INSERT INTO mart.segments (rule, share) VALUES ('everybody', 100), ('nobody', 0);
INSERT INTO mart.segment_members SELECT 1, id, '2020-02-29' FROM core.customers;
INSERT INTO mart.load_log (job, started, took, ok) SELECT 'job', '2022-03-27 01:59+00', n * interval '1 s', n % 9 > 0 FROM generate_series(1, 50) n;
INSERT INTO "Übersicht"."Umsätze je Straße" SELECT 'Straße ' || n, n / 3.0, n, n, '道' || n FROM generate_series(1, 40) n;
INSERT INTO "Übersicht"."Kennzahlen.täglich" SELECT day, 0.1 + 0.2, '\' FROM core.calendar LIMIT 50;
INSERT INTO "Übersicht"."日本語の表" ("列") SELECT generate_series(1, 10);
INSERT INTO "Übersicht"."🙂 emoji	and tab " ("ПОЛЕ") VALUES ('да'), (NULL);
INSERT INTO "old ""warehouse"" 2.0"."fact__sales__aggregated_by_customer_and_month_with_returns_2014" (customer_reference_number_as_delivered_by_the_source_system_v10, val) SELECT 'r' || n, n FROM generate_series(1, 30) n;
INSERT INTO "old ""warehouse"" 2.0"."CamelCase" SELECT n, n, 'o' FROM generate_series(1, 30) n;
INSERT INTO "old ""warehouse"" 2.0"."with space" VALUES (1, 'a', '%s', '''', '{}'), (NULL, '', '\.', E'\\N', NULL);

-- Indexes, statistics, options

CREATE INDEX customers_home_city ON core.customers (((home).city), lower(reference) text_pattern_ops);
CREATE INDEX customers_by_normalised_reference_number_for_the_call_centre ON core.customers (core.normalised_customer_reference_number(reference, '0', 12));
CREATE INDEX customers_tags ON core.customers USING gin (tags);
CREATE INDEX customers_attributes ON core.customers USING gin (attributes jsonb_path_ops) WITH (fastupdate = off);
CREATE UNIQUE INDEX customers_legacy ON core.customers (legacy_code) INCLUDE (reference) WHERE legacy_code IS NOT NULL;
CREATE INDEX products_search ON core.products USING gin (search);
CREATE INDEX products_name_hash ON core.products USING hash (name);
CREATE INDEX products_band ON core.products USING gist (band);
CREATE INDEX employees_hired ON core.employees (hired DESC NULLS LAST, id) WITH (fillfactor = 80);
ALTER TABLE core.employees CLUSTER ON employees_hired;
CREATE INDEX events_kind ON raw.events (kind COLLATE "C");
CREATE STATISTICS core.customers_country_birthday (ndistinct, dependencies) ON country, birthday FROM core.customers;
CREATE STATISTICS "Übersicht"."größe und %" (mcv) ON "Größe (m²)", "100 %" FROM "Übersicht"."Umsätze je Straße";
CREATE STATISTICS core.customers_city ON ((home).city), lower(reference) FROM core.customers;
ALTER STATISTICS core.customers_country_birthday SET STATISTICS 500;
ALTER INDEX core.customers_home_city ALTER COLUMN 1 SET STATISTICS 200;
ALTER TABLE core.customers ALTER COLUMN country SET STATISTICS 777, ALTER COLUMN tags SET (n_distinct = -0.5), ALTER COLUMN attributes SET STORAGE EXTERNAL;
ALTER TABLE core.customers SET (autovacuum_enabled = false, toast.autovacuum_enabled = false);
ALTER TABLE core.products REPLICA IDENTITY USING INDEX products_sku_key;
ALTER TABLE raw.events_1 REPLICA IDENTITY FULL;

-- Views, triggers, rules, policies

CREATE VIEW mart.sales_of_year AS SELECT extract(year FROM s.sold_on)::integer AS year, s.region, sum(s.amount) AS amount, count(*) FILTER (WHERE s.state = 'shipped') AS shipped FROM core.sales s GROUP BY 1, 2;
CREATE VIEW mart.customers WITH (security_barrier = true) AS SELECT c.id, c.reference, c.home, c.tags, k.name AS country_name FROM core.customers c LEFT JOIN core.countries k ON k.code = c.country;
CREATE VIEW mart.discontinued AS SELECT id, name, discontinued FROM core.products WHERE discontinued WITH LOCAL CHECK OPTION;
CREATE VIEW mart.hierarchy WITH (security_invoker = true) AS WITH RECURSIVE up(id, boss_id, depth) AS (SELECT id, boss_id, 0 FROM core.employees WHERE boss_id IS NULL UNION ALL SELECT e.id, e.boss_id, up.depth + 1 FROM core.employees e JOIN up ON up.id = e.boss_id) SELECT * FROM up;
CREATE VIEW mart.first_prices AS SELECT DISTINCT ON (product_id) product_id, price, lower(valid) AS since FROM core.product_prices ORDER BY product_id, valid;
CREATE VIEW "Übersicht"."Straßen" AS SELECT u."Straße", u."a""b", row_number() OVER (PARTITION BY u."日本" ORDER BY u."Größe (m²)" DESC) AS "№" FROM "Übersicht"."Umsätze je Straße" u;
CREATE VIEW audit.everything AS TABLE audit.log;
CREATE MATERIALIZED VIEW mart.revenue AS SELECT year, sum(amount) AS amount FROM mart.sales_of_year GROUP BY year WITH NO DATA;
CREATE UNIQUE INDEX revenue_year ON mart.revenue (year);
CREATE MATERIALIZED VIEW mart.a_growth AS SELECT r.year, r.amount - lag(r.amount) OVER (ORDER BY r.year) AS growth FROM mart.revenue r WITH NO DATA;
CREATE MATERIALIZED VIEW "Übersicht"."Kunden je Stadt" (stadt, anzahl) AS SELECT (home).city, count(*) FROM core.customers GROUP BY 1;
CREATE TRIGGER customers_touch BEFORE UPDATE OF reference, home ON core.customers FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION core.touch();
CREATE TRIGGER sales_counted AFTER INSERT ON core.sales REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION audit.count_changes();
CREATE CONSTRAINT TRIGGER sales_total_is_checked_at_the_end_of_each_transaction_deferred AFTER INSERT OR UPDATE ON core.sales DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.check_total('sales', 'it''s "late"');
CREATE TRIGGER "immer; ""auch""" AFTER TRUNCATE ON "Übersicht"."Umsätze je Straße" EXECUTE FUNCTION audit.check_total();
ALTER TABLE core.customers ENABLE ALWAYS TRIGGER customers_touch;
CREATE RULE log_instead AS ON DELETE TO audit.log DO INSTEAD INSERT INTO audit.change_counts (relation, operation, number) VALUES ('audit.log', 'DELETE', 1);
CREATE RULE everything_is_kept AS ON UPDATE TO audit.everything DO INSTEAD NOTHING;
ALTER TABLE mart.segment_members ENABLE ROW LEVEL SECURITY;
CREATE POLICY members_of_recent_segments ON mart.segment_members FOR SELECT USING (since > date '2020-01-01' AND segment_id IN (SELECT id FROM mart.segments WHERE share > 0));
CREATE POLICY members_are_only_added_to_segments_that_somebody_has_made_befor ON mart.segment_members AS RESTRICTIVE FOR INSERT WITH CHECK (segment_id > 0);
ALTER TABLE mart.top_customers ADD CONSTRAINT top_customers_rank_positive CHECK (rank > 0) NOT VALID;

-- History

ALTER TABLE core.customers DROP COLUMN legacy_code, ADD COLUMN loyalty integer DEFAULT 3 NOT NULL, ADD COLUMN email text;
ALTER TABLE core.customers RENAME COLUMN birthday TO born_on;
ALTER TABLE core.products ALTER COLUMN sku TYPE text, ADD COLUMN width numeric DEFAULT 1.50;
ALTER TABLE core.sales DROP COLUMN note CASCADE, ADD COLUMN channel text DEFAULT 'web' NOT NULL;
ALTER TABLE core.sales_2020_east RENAME TO sales_2020_east_renamed;
ALTER TABLE mart.segments RENAME TO customer_segments;
ALTER SEQUENCE mart.load_log_id_seq RENAME TO load_numbers;
ALTER TYPE core.order_state ADD VALUE 'lost';
ALTER FUNCTION core.touch() RENAME TO stamp;
DELETE FROM core.sales WHERE id % 49 = 0 AND id % 10 <> 0;
DELETE FROM mart.load_log WHERE id > 45;
ALTER TABLE raw.events DETACH PARTITION raw.events_3;
ALTER TABLE raw.events ATTACH PARTITION raw.events_3 FOR VALUES WITH (modulus 4, remainder 3);
REFRESH MATERIALIZED VIEW mart.revenue;
REFRESH MATERIALIZED VIEW mart.a_growth;
COMMENT ON TABLE core.sales IS E'One line a sale.\nSince 2019; "note" is gone';
COMMENT ON COLUMN "Übersicht"."Umsätze je Straße"."100 %" IS 'Anteil; ''ganz'' ist 100';
COMMENT ON CONSTRAINT sales_quantity_positive ON core.sales IS 'asked for by the auditors';
COMMENT ON INDEX core.customers_tags IS 'E''x''';
COMMENT ON FUNCTION core.stamp() IS 'was touch()';
COMMENT ON TYPE core.region IS 'äöü';
COMMENT ON POLICY members_of_recent_segments ON mart.segment_members IS 'since 2020';
COMMENT ON TRIGGER customers_touch ON core.customers IS 'always';
