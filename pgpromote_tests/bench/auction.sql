-- An auction house for measuring: rows that compress like text, 15 indexes, one of them GIN, one view that holds rows.
-- `bench.scale` is set by the caller; 1 makes some two million rows. Keys have no default: the repair has work.
CREATE TABLE public.users (
    id integer PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    joined_at timestamptz NOT NULL
);
CREATE TABLE public.auctions (
    id integer PRIMARY KEY,
    seller_id integer NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    tags text[] NOT NULL,
    opened_at timestamptz NOT NULL
);
CREATE TABLE public.bids (
    id integer PRIMARY KEY,
    auction_id integer NOT NULL,
    bidder_id integer NOT NULL,
    amount numeric(12, 2) NOT NULL,
    placed_at timestamptz NOT NULL
);
CREATE TABLE public.payments (
    id integer PRIMARY KEY,
    auction_id integer NOT NULL,
    reference text NOT NULL,
    paid_at timestamptz
);
CREATE TABLE public.watchlists (
    user_id integer NOT NULL,
    auction_id integer NOT NULL,
    PRIMARY KEY (user_id, auction_id)
);

CREATE FUNCTION pg_temp.items(per_scale integer) RETURNS SETOF integer LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.generate_series(
        1, pg_catalog.ceil(per_scale * pg_catalog.current_setting('bench.scale')::numeric)::integer)
$$;
-- The same pseudo-random number for the same item, below `limit`, on every server.
CREATE FUNCTION pg_temp.draw(item integer, seed integer, below bigint) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT ((pg_catalog.hashint8extended(item, seed) & 9007199254740991) % below)::integer
$$;

INSERT INTO public.users
SELECT n, 'user' || n || '@example.org', 'User ' || pg_catalog.md5(n::text),
       '2024-01-01Z'::timestamptz + n * interval '1 minute'
FROM pg_temp.items(100000) AS n;

INSERT INTO public.auctions
SELECT n, 1 + pg_temp.draw(n, 1, users), 'Lot ' || n || ', ' || (words)[1 + pg_temp.draw(n, 2, 8)],
       pg_catalog.repeat((words)[1 + pg_temp.draw(n, 3, 8)] || ' in good order, seen by appointment. ', 4)
           || pg_catalog.md5(n::text),
       ARRAY[(words)[1 + pg_temp.draw(n, 4, 8)], 'year' || pg_temp.draw(n, 5, 300), 'hall' || pg_temp.draw(n, 6, 40)],
       '2025-01-01Z'::timestamptz + n * interval '30 seconds'
FROM pg_temp.items(200000) AS n,
     (SELECT pg_catalog.count(*) AS users FROM public.users) AS counted,
     (VALUES ('{clock,chair,print,guitar,atlas,vase,lamp,train}'::text[])) AS chosen (words);

INSERT INTO public.bids
SELECT n, 1 + pg_temp.draw(n, 7, auctions), 1 + pg_temp.draw(n, 8, users), pg_temp.draw(n, 9, 1000000) / 100.0,
       '2025-02-01Z'::timestamptz + n * interval '7 seconds'
FROM pg_temp.items(1500000) AS n,
     (SELECT pg_catalog.count(*) AS users FROM public.users) AS counted,
     (SELECT pg_catalog.count(*) AS auctions FROM public.auctions) AS sold;

INSERT INTO public.payments
SELECT n, n, pg_catalog.md5(n::text || 'payment'),
       CASE WHEN n % 10 > 0 THEN '2025-06-01Z'::timestamptz + n * interval '1 minute' END
FROM pg_temp.items(100000) AS n;

INSERT INTO public.watchlists
SELECT DISTINCT 1 + pg_temp.draw(n, 10, users), 1 + pg_temp.draw(n, 11, auctions)
FROM pg_temp.items(200000) AS n,
     (SELECT pg_catalog.count(*) AS users FROM public.users) AS counted,
     (SELECT pg_catalog.count(*) AS auctions FROM public.auctions) AS sold;

CREATE INDEX auctions_seller_idx ON public.auctions (seller_id);
CREATE INDEX auctions_title_idx ON public.auctions (title);
CREATE INDEX auctions_tags_idx ON public.auctions USING gin (tags);
CREATE INDEX bids_auction_idx ON public.bids (auction_id, amount DESC);
CREATE INDEX bids_bidder_idx ON public.bids (bidder_id);
CREATE INDEX bids_placed_idx ON public.bids (placed_at);
CREATE INDEX payments_auction_idx ON public.payments (auction_id);
CREATE UNIQUE INDEX payments_reference_idx ON public.payments (reference);
CREATE INDEX watchlists_auction_idx ON public.watchlists (auction_id);
ALTER TABLE public.auctions ADD FOREIGN KEY (seller_id) REFERENCES public.users;
ALTER TABLE public.bids ADD FOREIGN KEY (auction_id) REFERENCES public.auctions;
ALTER TABLE public.bids ADD FOREIGN KEY (bidder_id) REFERENCES public.users;
ALTER TABLE public.payments ADD FOREIGN KEY (auction_id) REFERENCES public.auctions;
ALTER TABLE public.watchlists ADD FOREIGN KEY (user_id) REFERENCES public.users;
ALTER TABLE public.watchlists ADD FOREIGN KEY (auction_id) REFERENCES public.auctions;
CREATE MATERIALIZED VIEW public.highest_bids AS
    SELECT auction_id, pg_catalog.max(amount) AS amount, pg_catalog.count(*) AS bids
    FROM public.bids GROUP BY auction_id;
