-- The schema of the sample auction house: at least one of each thing a promotion has to carry or to repair.
-- CARRY marks what must arrive unchanged; REPAIR what a promotion may mend; SPARE what looks like a defect but must
-- not be touched; REPORT what an audit should name. The comments on the objects say the same inside the database.
-- Every name is qualified: pg_restore runs user functions with an empty search_path. No role is created or named.

CREATE SCHEMA "BackOffice";                                                  -- CARRY: a second, mixed-case schema
COMMENT ON SCHEMA "BackOffice" IS 'CARRY: a second schema with a mixed-case name';
CREATE EXTENSION vector WITH SCHEMA public;                                  -- CARRY: an extension

-- Types ---------------------------------------------------------------------------------------------------------

CREATE TYPE public.user_kind AS ENUM ('private', 'trader');
CREATE TYPE public.auction_state AS ENUM ('draft', 'open', 'sold', 'unsold', 'withdrawn');
COMMENT ON TYPE public.auction_state IS 'CARRY: an enum; the order of its labels is part of its meaning';
CREATE DOMAIN public.money_amount AS numeric(12, 2) CONSTRAINT money_amount_not_negative CHECK (VALUE >= 0);
COMMENT ON DOMAIN public.money_amount IS 'CARRY: a domain with a check';
CREATE DOMAIN public.email_address AS text
    CONSTRAINT email_address_has_one_at CHECK (VALUE ~ '^[^@[:space:]]+@[^@[:space:]]+$');
CREATE TYPE public.postal_address AS (street text, postcode text, city text);
COMMENT ON TYPE public.postal_address IS 'CARRY: a composite type';
CREATE TYPE public.price_range AS RANGE (subtype = numeric);
COMMENT ON TYPE public.price_range IS 'CARRY: a range type of our own';

-- Functions that indexes, constraints and generated columns call -------------------------------------------------

CREATE FUNCTION public.commission(price numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT pg_catalog.round(price * CASE WHEN price < 1000 THEN 0.12 ELSE 0.09 END, 2) $$;
COMMENT ON FUNCTION public.commission(numeric) IS 'CARRY: an SQL function inside a generated column';

CREATE FUNCTION public.slug(title text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    AS $$ SELECT pg_catalog.btrim(pg_catalog.regexp_replace(pg_catalog.lower(title), '[^a-z0-9]+', '-', 'g'), '-') $$;
COMMENT ON FUNCTION public.slug(text) IS 'CARRY: an SQL function inside an expression index';

CREATE FUNCTION public.is_ordered(steps integer[]) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
BEGIN
    FOR i IN 2 .. coalesce(pg_catalog.array_length(steps, 1), 0) LOOP
        IF steps[i] <= steps[i - 1] THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END
$$;
COMMENT ON FUNCTION public.is_ordered(integer[]) IS 'CARRY: a plpgsql function inside a check constraint';

-- People --------------------------------------------------------------------------------------------------------

CREATE TABLE public.countries (                                              -- CARRY: a text primary key
    code text PRIMARY KEY CONSTRAINT countries_code_is_iso CHECK (code ~ '^[A-Z]{2}$'),
    name text NOT NULL UNIQUE
);
GRANT SELECT ON public.countries TO PUBLIC;                                  -- CARRY: a privilege without a role
COMMENT ON TABLE public.countries IS 'CARRY: a text primary key, a grant to PUBLIC, a rule';

CREATE TABLE public.users (
    id integer PRIMARY KEY,                                                  -- REPAIR: no default
    email public.email_address NOT NULL,
    full_name text NOT NULL,                                                 -- REPORT: NOT NULL without default
    nickname text,
    kind public.user_kind NOT NULL DEFAULT 'private',
    country_code text NOT NULL REFERENCES public.countries,
    address public.postal_address,
    preferences jsonb NOT NULL DEFAULT '{}',
    avatar oid,                                                              -- CARRY: names a large object
    joined_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE UNIQUE INDEX users_email_key ON public.users (pg_catalog.lower(email::text));  -- CARRY: expression index
CREATE INDEX users_preferences_idx ON public.users USING gin (preferences jsonb_path_ops);    -- CARRY: GIN
COMMENT ON TABLE public.users IS 'REPAIR: an integer primary key without default, sequence or identity';
COMMENT ON COLUMN public.users.avatar IS 'CARRY: the oid of a large object';

CREATE TABLE public.sellers (
    user_id integer PRIMARY KEY REFERENCES public.users ON DELETE CASCADE,   -- SPARE: the key is a foreign key
    trade_name text NOT NULL,
    rating numeric(3, 2) CHECK (rating BETWEEN 0 AND 5),
    usual_prices public.price_range
);
COMMENT ON TABLE public.sellers IS 'SPARE: a subtype of users; its key must always come from users';

-- Auctions ------------------------------------------------------------------------------------------------------

CREATE TABLE public.categories (
    id integer PRIMARY KEY,                                                  -- REPAIR: no default
    parent_id integer REFERENCES public.categories,
    name text NOT NULL,
    bid_steps integer[] NOT NULL CONSTRAINT categories_steps_ordered CHECK (public.is_ordered(bid_steps)),
    CONSTRAINT categories_not_own_parent CHECK (parent_id <> id)
);
-- CARRY: two NULL parents are the same parent here.
CREATE UNIQUE INDEX categories_name_key ON public.categories (parent_id, name) NULLS NOT DISTINCT;
COMMENT ON TABLE public.categories IS 'REPAIR: an integer primary key without default; a tree';

CREATE SEQUENCE public.lot_numbers START 10001;
COMMENT ON SEQUENCE public.lot_numbers IS 'CARRY: a sequence that no column owns';

CREATE TABLE public.auctions (
    id integer PRIMARY KEY,                                                  -- REPAIR: no default
    lot_number bigint NOT NULL DEFAULT pg_catalog.nextval('public.lot_numbers'::regclass) UNIQUE,
    seller_id integer NOT NULL REFERENCES public.sellers,
    category_id integer NOT NULL REFERENCES public.categories,
    title text NOT NULL,
    description text,
    state public.auction_state NOT NULL DEFAULT 'draft',
    opening_price public.money_amount NOT NULL,
    reserve_price public.money_amount,
    fee numeric GENERATED ALWAYS AS (public.commission(opening_price::numeric)) STORED,
    runs tstzrange NOT NULL,
    tags text[] NOT NULL DEFAULT '{}',
    search tsvector GENERATED ALWAYS AS
        (pg_catalog.to_tsvector('pg_catalog.simple', title || ' ' || coalesce(description, ''))) STORED,
    embedding public.vector(6),
    CONSTRAINT auctions_reserve_above_opening CHECK (reserve_price >= opening_price),
    CONSTRAINT auctions_runs_are_bounded CHECK (NOT lower_inf(runs) AND NOT upper_inf(runs) AND NOT isempty(runs))
);
CREATE INDEX auctions_open_idx ON public.auctions (category_id) WHERE state = 'open';           -- CARRY: partial
CREATE INDEX auctions_seller_idx ON public.auctions (seller_id) INCLUDE (title, state);         -- CARRY: covering
CREATE INDEX auctions_slug_idx ON public.auctions (public.slug(title));        -- CARRY: calls a function of ours
CREATE INDEX auctions_search_idx ON public.auctions USING gin (search);
CREATE INDEX auctions_tags_idx ON public.auctions USING gin (tags);
CREATE INDEX auctions_embedding_idx ON public.auctions USING hnsw (embedding public.vector_cosine_ops);
CREATE STATISTICS public.auctions_category_state (dependencies, ndistinct) ON category_id, state
    FROM public.auctions;
COMMENT ON TABLE public.auctions IS 'REPAIR: an integer primary key without default; generated columns, a vector';
COMMENT ON COLUMN public.auctions.fee IS 'CARRY: a generated column that calls a function of ours';
COMMENT ON INDEX public.auctions_embedding_idx IS 'CARRY: an index of an access method that an extension brings';
COMMENT ON STATISTICS public.auctions_category_state IS 'CARRY: extended statistics';
COMMENT ON CONSTRAINT auctions_reserve_above_opening ON public.auctions IS 'CARRY: a check between two columns';

CREATE TABLE public.bids (
    id integer PRIMARY KEY,                                                  -- REPAIR: no default
    auction_id integer NOT NULL REFERENCES public.auctions ON DELETE CASCADE,
    bidder_id integer NOT NULL REFERENCES public.users,
    amount public.money_amount NOT NULL,
    placed_at timestamptz NOT NULL,
    CONSTRAINT bids_amount_is_new UNIQUE (auction_id, amount) DEFERRABLE     -- CARRY: a deferrable constraint
) WITH (fillfactor = 90);                                                    -- CARRY: a storage parameter
CREATE INDEX bids_bidder_idx ON public.bids (bidder_id, placed_at DESC);
COMMENT ON TABLE public.bids IS 'REPAIR: an integer primary key without default; the biggest table';

CREATE TABLE public.watchlists (
    user_id integer REFERENCES public.users ON DELETE CASCADE,
    auction_id integer REFERENCES public.auctions ON DELETE CASCADE,
    note text,
    PRIMARY KEY (user_id, auction_id)                                        -- SPARE: a composite key
);
CREATE INDEX watchlists_auction_idx ON public.watchlists (auction_id);
COMMENT ON TABLE public.watchlists IS 'SPARE: a composite primary key';

-- After the sale ------------------------------------------------------------------------------------------------

CREATE TABLE public.payments (
    id serial PRIMARY KEY,                                                   -- REPAIR: its sequence is behind
    auction_id integer NOT NULL UNIQUE REFERENCES public.auctions,
    payer_id integer NOT NULL REFERENCES public.users,
    amount public.money_amount NOT NULL,
    paid_at timestamptz
);
COMMENT ON TABLE public.payments IS 'REPAIR: rows were imported with their ids, the sequence still stands at 1';

CREATE TABLE public.shipping_methods (
    id smallint PRIMARY KEY,                                                 -- REPAIR: no default, smallint
    name text NOT NULL UNIQUE,
    price public.money_amount NOT NULL
);
COMMENT ON TABLE public.shipping_methods IS 'REPAIR: a smallint primary key without default';

CREATE TABLE public.shipments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,                      -- CARRY: an identity
    payment_id integer NOT NULL UNIQUE REFERENCES public.payments,
    method_id smallint NOT NULL REFERENCES public.shipping_methods,
    packed interval,
    weight_kg numeric(6, 3),
    sent_at timestamptz
);
COMMENT ON TABLE public.shipments IS 'CARRY: GENERATED ALWAYS AS IDENTITY';

CREATE TABLE public.reviews (
    id integer GENERATED BY DEFAULT AS IDENTITY (START WITH 1000 INCREMENT BY 5) PRIMARY KEY,
    shipment_id bigint NOT NULL UNIQUE REFERENCES public.shipments,
    stars smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    body text,
    written_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE public.reviews IS 'CARRY: GENERATED BY DEFAULT AS IDENTITY with its own start and increment';

CREATE TABLE public.messages (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),                -- CARRY: a uuid primary key
    sender_id integer NOT NULL REFERENCES public.users,
    recipient_id integer NOT NULL REFERENCES public.users,
    auction_id integer REFERENCES public.auctions,
    body text NOT NULL,
    attachment bytea,
    sent_at timestamptz NOT NULL,
    CONSTRAINT messages_not_to_self CHECK (sender_id <> recipient_id)
);
CREATE INDEX messages_recipient_idx ON public.messages (recipient_id, sent_at);
ALTER TABLE public.messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY messages_of_one_user ON public.messages TO PUBLIC              -- CARRY: a policy
    USING (pg_catalog.current_setting('auction.user_id', true) IN (sender_id::text, recipient_id::text));
COMMENT ON TABLE public.messages IS 'CARRY: row-level security, a uuid primary key, bytea';
COMMENT ON POLICY messages_of_one_user ON public.messages IS 'CARRY: a policy for PUBLIC';

CREATE UNLOGGED TABLE public.page_cache (path text PRIMARY KEY, page jsonb NOT NULL);
COMMENT ON TABLE public.page_cache IS 'REPORT: an unlogged table; empty after a crash';

-- CARRY: unicode, spaces, a dot, a quote and a percent sign in names.
CREATE TABLE public."Größen & Maße" (
    "auction_ID" integer PRIMARY KEY REFERENCES public.auctions,             -- SPARE: the key is a foreign key
    "Länge (cm)" numeric(7, 1) NOT NULL,
    "Höhe.cm" numeric(7, 1),
    "Taille d'étiquette %" text
);
CREATE INDEX "Größen_Länge idx" ON public."Größen & Maße" ("Länge (cm)" DESC NULLS LAST);
COMMENT ON TABLE public."Größen & Maße" IS 'CARRY: odd names, in a comment that''s "quoted"';

-- Partitions ----------------------------------------------------------------------------------------------------
-- pg_restore --clean alone fails on this primary key ("cannot drop inherited constraint", 16 and 18).

CREATE TABLE public.auction_events (
    id bigint NOT NULL,
    happened_at timestamptz NOT NULL,
    auction_id integer NOT NULL,
    what text NOT NULL,
    details jsonb,
    PRIMARY KEY (id, happened_at)
) PARTITION BY RANGE (happened_at);
CREATE TABLE public.auction_events_2025 PARTITION OF public.auction_events
    FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2026-01-01 00:00+00');
CREATE TABLE public.auction_events_2026 PARTITION OF public.auction_events
    FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2027-01-01 00:00+00');
CREATE TABLE public.auction_events_other PARTITION OF public.auction_events DEFAULT;
CREATE INDEX auction_events_auction_idx ON public.auction_events (auction_id, happened_at);
COMMENT ON TABLE public.auction_events IS 'CARRY: a table partitioned by range; REPAIR: the id of its primary key has no default';

-- The back office -----------------------------------------------------------------------------------------------

CREATE TABLE "BackOffice".ledger_entries (
    id bigint PRIMARY KEY,                                                   -- REPAIR: no default, bigint
    payment_id integer REFERENCES public.payments,
    account text NOT NULL,
    amount numeric(14, 2) NOT NULL,
    booked_on date NOT NULL
);
CREATE INDEX ledger_entries_payment_idx ON "BackOffice".ledger_entries (payment_id);
COMMENT ON TABLE "BackOffice".ledger_entries IS 'REPAIR: a bigint primary key without default, in another schema';

CREATE TABLE "BackOffice".invoices (
    id integer PRIMARY KEY,                                                  -- SPARE: a trigger sets it
    payment_id integer NOT NULL UNIQUE REFERENCES public.payments,
    issued_on date NOT NULL
);
COMMENT ON TABLE "BackOffice".invoices IS 'SPARE: a BEFORE INSERT trigger numbers the rows by year';

CREATE TABLE "BackOffice"."AuditLog" (
    "Id" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "LoggedAt" timestamptz NOT NULL DEFAULT pg_catalog.now(),
    "TableName" text NOT NULL,
    "OldRow" jsonb,
    "NewRow" jsonb
);
COMMENT ON TABLE "BackOffice"."AuditLog" IS 'CARRY: a mixed-case table; an AFTER trigger writes it';

CREATE TABLE "BackOffice".viewings (
    id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    room integer NOT NULL,
    during tstzrange NOT NULL,
    visitor_id integer REFERENCES public.users,
    -- CARRY: an exclusion constraint. The room is a range of one: plain equality would need btree_gist.
    CONSTRAINT viewings_one_at_a_time EXCLUDE USING gist (int4range(room, room, '[]') WITH &&, during WITH &&)
);
COMMENT ON CONSTRAINT viewings_one_at_a_time ON "BackOffice".viewings IS 'CARRY: an exclusion constraint';

CREATE TABLE "BackOffice".imported_ratings (
    house text NOT NULL,
    rated_on date NOT NULL,
    stars numeric(2, 1)
);
ALTER TABLE "BackOffice".imported_ratings
    ADD CONSTRAINT imported_ratings_plausible CHECK (stars BETWEEN 0 AND 5) NOT VALID;
COMMENT ON TABLE "BackOffice".imported_ratings IS 'REPORT: no primary key; a constraint that was never validated';

-- Code: functions, a procedure, an aggregate, an operator, triggers, a rule ---------------------------------------

CREATE FUNCTION public.current_price(auction integer) RETURNS public.money_amount
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN coalesce(
        (SELECT max(b.amount) FROM public.bids AS b WHERE b.auction_id = auction),
        (SELECT a.opening_price FROM public.auctions AS a WHERE a.id = auction));
END
$$;
COMMENT ON FUNCTION public.current_price(integer) IS 'CARRY: a plpgsql function that reads tables';

CREATE FUNCTION public.bid_count(auction integer) RETURNS bigint
    LANGUAGE sql STABLE
    BEGIN ATOMIC
        SELECT count(*) FROM public.bids AS b WHERE b.auction_id = bid_count.auction;
    END;
COMMENT ON FUNCTION public.bid_count(integer) IS 'CARRY: a body that is parsed and depends on its tables';

CREATE FUNCTION "BackOffice".revenue(since date) RETURNS numeric
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT coalesce(sum(amount), 0) FROM "BackOffice".ledger_entries WHERE booked_on >= since $$;
REVOKE EXECUTE ON FUNCTION "BackOffice".revenue(date) FROM PUBLIC;           -- CARRY: a privilege taken away
COMMENT ON FUNCTION "BackOffice".revenue(date) IS 'CARRY: SECURITY DEFINER, closed to PUBLIC';

CREATE PROCEDURE public.close_auctions(until timestamptz)
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE public.auctions AS a
    SET state = CASE
        WHEN public.bid_count(a.id) > 0 AND public.current_price(a.id) >= coalesce(a.reserve_price, 0) THEN 'sold'
        ELSE 'unsold'
    END::public.auction_state
    WHERE a.state = 'open' AND upper(a.runs) <= until;
END
$$;
COMMENT ON PROCEDURE public.close_auctions(timestamptz) IS 'CARRY: a procedure';

CREATE FUNCTION public.longer(one text, other text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT CASE WHEN pg_catalog.length(one) >= pg_catalog.length(other) THEN one ELSE other END $$;
CREATE AGGREGATE public.longest(text) (sfunc = public.longer, stype = text, initcond = '', parallel = safe);
COMMENT ON AGGREGATE public.longest(text) IS 'CARRY: an aggregate';
CREATE FUNCTION public.same_slug(one text, other text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT public.slug(one) = public.slug(other) $$;
CREATE OPERATOR public.=~~ (function = public.same_slug, leftarg = text, rightarg = text);
COMMENT ON OPERATOR public.=~~ (text, text) IS 'CARRY: an operator';

CREATE FUNCTION "BackOffice".number_invoice() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    first integer := pg_catalog.date_part('year', NEW.issued_on) * 100000 + 1;
BEGIN
    NEW.id := coalesce(
        (SELECT max(id) + 1 FROM "BackOffice".invoices WHERE id BETWEEN first AND first + 99998), first);
    RETURN NEW;
END
$$;
CREATE TRIGGER number_invoice BEFORE INSERT ON "BackOffice".invoices
    FOR EACH ROW EXECUTE FUNCTION "BackOffice".number_invoice();
COMMENT ON TRIGGER number_invoice ON "BackOffice".invoices IS 'CARRY: a BEFORE INSERT ROW trigger';

CREATE FUNCTION "BackOffice".log_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO "BackOffice"."AuditLog" ("TableName", "OldRow", "NewRow")
    VALUES (TG_TABLE_NAME, pg_catalog.to_jsonb(OLD), pg_catalog.to_jsonb(NEW));
    RETURN NULL;
END
$$;
CREATE TRIGGER log_change AFTER UPDATE OF state, reserve_price ON public.auctions
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION "BackOffice".log_change();
COMMENT ON TRIGGER log_change ON public.auctions IS 'CARRY: an AFTER trigger with columns and a condition';
CREATE TRIGGER log_deletion AFTER DELETE ON public.reviews
    FOR EACH ROW EXECUTE FUNCTION "BackOffice".log_change();
ALTER TABLE public.reviews DISABLE TRIGGER log_deletion;
COMMENT ON TRIGGER log_deletion ON public.reviews IS 'CARRY: a disabled trigger; it must stay disabled';

CREATE RULE countries_stay AS ON DELETE TO public.countries DO INSTEAD NOTHING;
COMMENT ON RULE countries_stay ON public.countries IS 'CARRY: a rule';

-- Views ---------------------------------------------------------------------------------------------------------

CREATE VIEW public.open_auctions WITH (security_barrier) AS
    SELECT a.id, a.title, c.name AS category, public.current_price(a.id) AS price, upper(a.runs) AS ends_at
    FROM public.auctions AS a JOIN public.categories AS c ON c.id = a.category_id
    WHERE a.state = 'open';
COMMENT ON VIEW public.open_auctions IS 'CARRY: a view with an option';
CREATE VIEW public.ending_soon AS
    SELECT id, title, price, ends_at FROM public.open_auctions ORDER BY ends_at LIMIT 10;
COMMENT ON VIEW public.ending_soon IS 'CARRY: a view on a view';

CREATE MATERIALIZED VIEW public.category_turnover AS
    SELECT c.id, c.name, count(p.id) AS sales, coalesce(sum(p.amount), 0) AS turnover,
           coalesce(sum(public.commission(p.amount::numeric)), 0) AS commission
    FROM public.categories AS c
    LEFT JOIN public.auctions AS a ON a.category_id = c.id
    LEFT JOIN public.payments AS p ON p.auction_id = a.id
    GROUP BY c.id, c.name
    ORDER BY c.id
    WITH NO DATA;
CREATE UNIQUE INDEX category_turnover_key ON public.category_turnover (id);
COMMENT ON MATERIALIZED VIEW public.category_turnover IS 'CARRY: a populated materialized view with a unique index';
