-- The rows of the sample auction house, made from a seed: `auction.seed` and `auction.scale` are set by the caller.
-- Nothing comes from a clock, from random() or from an unordered set: the same seed and scale give the same bytes.

-- A number in [0, 1) for one thing about one item. Hash partitions hold PostgreSQL to hash values that never change.
CREATE FUNCTION pg_temp.draw(thing text, item bigint) RETURNS double precision
    LANGUAGE sql STABLE
    AS $$
        SELECT (pg_catalog.hashtextextended(thing || item, pg_catalog.current_setting('auction.seed')::bigint)
                & 4503599627370495)::double precision / 4503599627370496
    $$;
CREATE FUNCTION pg_temp.among(low integer, high integer, thing text, item bigint) RETURNS integer
    LANGUAGE sql STABLE AS $$ SELECT low + pg_catalog.floor(pg_temp.draw(thing, item) * (high - low + 1))::integer $$;
CREATE FUNCTION pg_temp.pick(choices text[], thing text, item bigint) RETURNS text
    LANGUAGE sql STABLE AS $$ SELECT choices[pg_temp.among(1, pg_catalog.cardinality(choices), thing, item)] $$;
CREATE FUNCTION pg_temp.items(per_scale integer) RETURNS SETOF integer
    LANGUAGE sql STABLE
    AS $$ SELECT pg_catalog.generate_series(1, per_scale * pg_catalog.current_setting('auction.scale')::integer) $$;

INSERT INTO public.countries (code, name) VALUES
    ('AT', 'Österreich'), ('BE', 'België'), ('CH', 'Schweiz'), ('DE', 'Deutschland'), ('DK', 'Danmark'),
    ('ES', 'España'), ('FR', 'France'), ('GB', 'United Kingdom'), ('IT', 'Italia'), ('JP', '日本'),
    ('NL', 'Nederland'), ('PL', 'Polska'), ('SE', 'Sverige'), ('US', 'United States');

INSERT INTO public.categories (id, parent_id, name, bid_steps) VALUES
    (1, NULL, 'Art', '{20,50,100}'), (2, NULL, 'Furniture', '{10,50}'), (3, NULL, 'Music', '{5,25}'),
    (4, NULL, 'Books', '{1,5,10}'), (5, NULL, 'Clocks', '{10,20,100}'), (6, NULL, 'Toys', '{1,2}'),
    (11, 1, 'Paintings', '{50,100}'), (12, 1, 'Prints', '{5,10}'), (13, 1, 'Ceramics', '{5,20}'),
    (21, 2, 'Chairs', '{5,10}'), (22, 2, 'Lamps', '{5,10}'), (31, 3, 'Guitars', '{10,50}'),
    (32, 3, 'Records', '{1,2,5}'), (41, 4, 'First editions', '{10,50}'), (42, 4, 'Maps', '{5,10}'),
    (51, 5, 'Wrist watches', '{20,100}'), (61, 6, 'Model trains', '{2,10}');

INSERT INTO public.shipping_methods (id, name, price) VALUES
    (1, 'Letter', 3.90), (2, 'Parcel', 8.50), (3, 'Insured parcel', 19.00), (4, 'Art courier', 145.00),
    (5, 'Collected in person', 0);

-- CARRY: large objects: four small ones and one of several pages.
SELECT pg_catalog.lo_from_bytea((900000 + n)::oid, pg_catalog.convert_to(
    '<svg xmlns="http://www.w3.org/2000/svg"><circle r="' || pg_temp.among(8, 64, 'avatar', n) || '"/>'
    || pg_catalog.repeat('<!-- portrait -->', CASE n WHEN 5 THEN 2000 ELSE 1 END) || '</svg>', 'UTF8'))
FROM pg_catalog.generate_series(1, 5) AS n;
COMMENT ON LARGE OBJECT 900005 IS 'CARRY: a large object of several pages';

INSERT INTO public.users
    (id, email, full_name, nickname, kind, country_code, address, preferences, avatar, joined_at)
SELECT n,
       public.slug(pg_catalog.translate(first, 'éöê', 'eoe')) || '.' || n || '@example.'
           || (ARRAY['com', 'net', 'org'])[1 + n % 3],
       first || ' ' || last,
       CASE WHEN pg_temp.draw('has nickname', n) < 0.4 THEN pg_catalog.lower(pg_catalog.left(first, 3)) || n END,
       CASE WHEN n % 4 = 0 THEN 'trader' ELSE 'private' END::public.user_kind,
       pg_temp.pick('{AT,BE,CH,DE,DK,ES,FR,GB,IT,JP,NL,PL,SE,US}', 'country', n),
       CASE WHEN pg_temp.draw('has address', n) < 0.8 THEN ROW(
           pg_temp.pick('{Mill Lane,Rue du Bac,Am Markt,Kungsgatan,"Plaza Mayor","King''s Road, rear"}', 'street', n)
               || ' ' || pg_temp.among(1, 120, 'house', n),
           pg_catalog.lpad(pg_temp.among(1000, 99999, 'postcode', n)::text, 5, '0'),
           pg_temp.pick('{Lyon,Graz,Leeds,Malmö,Gdańsk,Sevilla,Köln,Utrecht,Torino,京都}', 'city', n)
       )::public.postal_address END,
       pg_catalog.jsonb_build_object(
           'newsletter', pg_temp.draw('newsletter', n) < 0.5,
           'currency', pg_temp.pick('{EUR,GBP,USD,CHF,JPY}', 'currency', n),
           'themes', pg_catalog.to_jsonb(ARRAY[pg_temp.pick('{dark,light}', 'theme', n), NULL])),
       CASE WHEN n <= 5 THEN (900000 + n)::oid END,
       '2024-01-01 08:00+00'::timestamptz + pg_temp.among(0, 31000000, 'joined', n) * interval '1 second'
FROM pg_temp.items(250) AS n,
     LATERAL (SELECT
         pg_temp.pick('{Ada,Bruno,Chloé,Dmitri,Elif,Fatima,Gösta,Hanako,Inês,Jakub,Kofi,Léa,Mateo,Nora,Oskar}',
                      'first', n) AS first,
         pg_temp.pick('{Almeida,Bauer,Costa,Dubois,Eriksson,García,Hansen,Ito,Jansen,Kowalska,"O''Neill",Rossi}',
                      'last', n) AS last) AS name
ORDER BY n;

INSERT INTO public.sellers (user_id, trade_name, rating, usual_prices)
SELECT u.id,
       pg_catalog.split_part(u.full_name, ' ', 2)
           || pg_temp.pick('{" & Sons"," Antiques"," Fine Art"," Kontor"}', 'trade', u.id),
       CASE WHEN pg_temp.draw('is rated', u.id) < 0.9 THEN pg_temp.among(250, 500, 'rating', u.id) / 100.0 END,
       public.price_range(pg_temp.among(5, 50, 'low', u.id), pg_temp.among(100, 9000, 'high', u.id), '[)')
FROM public.users AS u WHERE u.kind = 'trader' ORDER BY u.id;

-- Every tenth auction is a draft, every tenth is open, a few are withdrawn; of the others those are sold that got
-- bids and met their reserve price. `bids` is how many bids each will get, just below.
INSERT INTO public.auctions (id, lot_number, seller_id, category_id, title, description, state,
                             opening_price, reserve_price, runs, tags, embedding)
SELECT n, 10000 + n,
       4 * pg_temp.among(1, (SELECT pg_catalog.count(*)::integer FROM public.sellers), 'seller', n),
       (ARRAY[11, 12, 13, 21, 22, 31, 32, 41, 42, 51, 61])[kind],
       pg_temp.pick('{Early,Fine,Rare,Signed,Restored,Miniature,Gilded,Painted,Unusual}', 'how', n) || ' '
           || (ARRAY['landscape in oil', 'etching', 'porcelain bowl', 'oak armchair', 'brass lamp', 'steel guitar',
                     'jazz record', 'first edition', 'map of the coast', 'wrist watch', 'tin locomotive'])[kind]
           || pg_temp.pick('{""," (pair)",", 1890s",", c. 1920",", 1957",", Süddeutschland"}', 'when', n),
       CASE WHEN pg_temp.draw('is described', n) < 0.7 THEN
           pg_temp.pick('{"From a private collection.","Some wear; see the photographs.","In its box."}', 'text', n)
           || pg_temp.pick('{" Provenance: Lyon."," One careful owner."," Sold as seen.",""}', 'more', n) END,
       state::public.auction_state,
       price,
       CASE WHEN state = 'unsold' AND bids > 0 THEN price + 600  -- more than 18 bids can add
            WHEN pg_temp.draw('has reserve', n) < 0.2 THEN price END,
       tstzrange(start, start + pg_temp.among(3, 14, 'days', n) * interval '24 hours'),
       ARRAY(SELECT DISTINCT pg_temp.pick('{silver,wood,rare,boxed,"art déco",NULL}', 'tag' || t, n) COLLATE "C"
             FROM pg_catalog.generate_series(1, pg_temp.among(0, 3, 'tags', n)) AS t ORDER BY 1),
       CASE WHEN pg_temp.draw('is embedded', n) < 0.95 THEN ARRAY(
           SELECT pg_catalog.round((pg_temp.draw('dimension' || d, n) * 2 - 1)::numeric, 3)
           FROM pg_catalog.generate_series(1, 6) AS d ORDER BY d)::public.vector(6) END
FROM pg_temp.items(600) AS n,
     LATERAL (SELECT
         pg_temp.among(1, 11, 'kind', n) AS kind,
         pg_temp.among(2, 300, 'price', n) * (ARRAY[1, 1, 5, 20])[pg_temp.among(1, 4, 'times', n)]::numeric AS price,
         pg_temp.among(0, 18, 'bids', n) AS bids) AS lot,
     LATERAL (SELECT
         CASE WHEN n % 10 = 0 THEN 'draft' WHEN n % 10 = 1 THEN 'open' WHEN n % 50 = 2 THEN 'withdrawn'
              WHEN bids > 0 AND pg_temp.draw('meets reserve', n) < 0.85 THEN 'sold' ELSE 'unsold'
         END AS state) AS fate,
     LATERAL (SELECT
         CASE WHEN state = 'open'
              THEN '2026-03-01 09:00+00'::timestamptz + pg_temp.among(0, 4000, 'start', n) * interval '1 minute'
              ELSE '2025-02-01 09:00+00'::timestamptz + pg_temp.among(0, 300, 'start', n) * interval '24 hours'
         END AS start) AS calendar
ORDER BY n;
SELECT pg_catalog.setval('public.lot_numbers', (SELECT max(lot_number) FROM public.auctions));

-- Each bid is higher and later than the one before it. Drafts get none.
INSERT INTO public.bids (id, auction_id, bidder_id, amount, placed_at)
SELECT pg_catalog.row_number() OVER (ORDER BY placed_at, auction_id, turn), auction_id, bidder_id, amount, placed_at
FROM (
    SELECT a.id AS auction_id, turn, bidder_id,
           a.opening_price + sum(pg_temp.among(1, 12, 'raise' || turn, a.id) * 2.5)
               OVER (PARTITION BY a.id ORDER BY turn) AS amount,
           lower(a.runs) + (upper(a.runs) - lower(a.runs)) * ((turn - pg_temp.draw('pause' || turn, a.id)) / number)
               AS placed_at
    FROM public.auctions AS a,
         LATERAL (SELECT pg_temp.among(0, 18, 'bids', a.id) AS number) AS bids,
         LATERAL pg_catalog.generate_series(1, number) AS turn,
         -- Four divides the ids of traders; bidders are private users.
         LATERAL (SELECT 4 * pg_temp.among(1, (SELECT pg_catalog.count(*)::integer FROM public.sellers),
                                           'bidder' || turn, a.id)
                         - pg_temp.among(1, 3, 'which' || turn, a.id) AS bidder_id) AS bidder
    WHERE a.state <> 'draft'
) AS bid
ORDER BY 1;

INSERT INTO public.watchlists (user_id, auction_id, note)
SELECT DISTINCT
       pg_temp.among(1, (SELECT pg_catalog.count(*)::integer FROM public.users), 'watcher' || turn, a.id),
       a.id,
       CASE WHEN a.id % 7 = 0 THEN 'ask about shipping' END
FROM public.auctions AS a, pg_catalog.generate_series(1, 3) AS turn
ORDER BY 1, 2;

INSERT INTO public.payments (id, auction_id, payer_id, amount, paid_at)
SELECT pg_catalog.row_number() OVER (ORDER BY upper(a.runs), a.id), a.id, best.bidder_id, best.amount,
       CASE WHEN pg_temp.draw('is paid', a.id) < 0.95 THEN
           upper(a.runs) + pg_temp.among(1, 9000, 'paid', a.id) * interval '1 minute' END
FROM public.auctions AS a,
     LATERAL (SELECT b.bidder_id, b.amount FROM public.bids AS b WHERE b.auction_id = a.id
              ORDER BY b.amount DESC LIMIT 1) AS best
WHERE a.state = 'sold'
ORDER BY 1;

INSERT INTO public.shipments (payment_id, method_id, packed, weight_kg, sent_at)
SELECT p.id, pg_temp.among(1, 5, 'method', p.id), pg_temp.among(5, 300, 'packed', p.id) * interval '1 minute',
       CASE WHEN pg_temp.draw('is weighed', p.id) < 0.9 THEN pg_temp.among(50, 90000, 'weight', p.id) / 1000.0 END,
       p.paid_at + pg_temp.among(60, 9000, 'sent', p.id) * interval '1 minute'
FROM public.payments AS p WHERE p.paid_at IS NOT NULL
ORDER BY p.id;

INSERT INTO public.reviews (shipment_id, stars, body, written_at)
SELECT s.id, pg_temp.among(2, 5, 'stars', s.id),
       pg_temp.pick('{"Exactly as described.","In one piece, merci !","Slow, but worth the wait.",NULL}', 'body', s.id),
       s.sent_at + pg_temp.among(2, 20, 'written', s.id) * interval '24 hours'
FROM public.shipments AS s WHERE pg_temp.draw('is reviewed', s.id) < 0.6
ORDER BY s.id;

INSERT INTO public.messages (id, sender_id, recipient_id, auction_id, body, attachment, sent_at)
SELECT pg_catalog.left(pg_catalog.encode(digest, 'hex'), 32)::uuid, a.seller_id, b.bidder_id, a.id,
       pg_temp.pick(ARRAY['Is it still for sale?', 'Could you ship it to 京都?', E'Thank you!\n\tBest wishes',
                          '50 % less, or \N?'], 'body', b.id),
       CASE WHEN b.id % 20 = 0 THEN digest END,
       b.placed_at + interval '1 hour'
FROM public.bids AS b JOIN public.auctions AS a ON a.id = b.auction_id,
     LATERAL (SELECT pg_catalog.sha256(pg_catalog.convert_to(
         pg_catalog.current_setting('auction.seed') || ' message ' || b.id, 'UTF8')) AS digest) AS hashed
WHERE b.id % 10 = 0
ORDER BY b.id;

INSERT INTO public."Größen & Maße" ("auction_ID", "Länge (cm)", "Höhe.cm", "Taille d'étiquette %")
SELECT a.id, pg_temp.among(80, 2500, 'length', a.id) / 10.0,
       CASE WHEN a.id % 3 > 0 THEN pg_temp.among(80, 2500, 'height', a.id) / 10.0 END,
       pg_temp.pick('{petite,grande,NULL}', 'label', a.id)
FROM public.auctions AS a WHERE a.category_id IN (11, 12, 21, 22)
ORDER BY a.id;

INSERT INTO public.auction_events (id, happened_at, auction_id, what, details)
SELECT pg_catalog.row_number() OVER (ORDER BY happened_at, auction_id, what, amount), happened_at, auction_id, what,
       CASE WHEN what = 'bid' THEN pg_catalog.jsonb_build_object('amount', amount) END
FROM (
    SELECT placed_at AS happened_at, auction_id, 'bid' AS what, amount::numeric FROM public.bids WHERE id % 2 = 0
    UNION ALL
    SELECT lower(runs), id, 'opened', NULL FROM public.auctions WHERE state <> 'draft'
    UNION ALL
    -- From the old system, before any partition of its own.
    SELECT '2019-05-01 12:00+00'::timestamptz + n * interval '24 hours', n, 'imported', NULL
    FROM pg_temp.items(40) AS n
) AS event
ORDER BY 1;

INSERT INTO "BackOffice".ledger_entries (id, payment_id, account, amount, booked_on)
SELECT pg_catalog.row_number() OVER (ORDER BY p.id, account), p.id, account, entry.amount,
       (p.paid_at AT TIME ZONE 'UTC')::date
FROM public.payments AS p,
     LATERAL (VALUES ('1200 bank', p.amount::numeric), ('4400 commission', -public.commission(p.amount::numeric)))
         AS entry (account, amount)
WHERE p.paid_at IS NOT NULL
ORDER BY 1;

-- The trigger numbers them.
INSERT INTO "BackOffice".invoices (payment_id, issued_on)
SELECT p.id, (p.paid_at AT TIME ZONE 'UTC')::date FROM public.payments AS p WHERE p.paid_at IS NOT NULL
ORDER BY p.paid_at, p.id;

INSERT INTO "BackOffice"."AuditLog" ("LoggedAt", "TableName", "OldRow", "NewRow")
SELECT lower(a.runs) + interval '2 hours', 'auctions',
       pg_catalog.jsonb_build_object('id', a.id, 'state', 'open'),
       pg_catalog.jsonb_build_object('id', a.id, 'state', a.state)
FROM public.auctions AS a WHERE a.state = 'withdrawn'
ORDER BY a.id;

INSERT INTO "BackOffice".viewings (room, during, visitor_id)
SELECT room, tstzrange(start, start + interval '30 minutes'),
       CASE WHEN pg_temp.draw('is booked' || room, slot) < 0.8 THEN
           pg_temp.among(1, 250, 'visitor' || room, slot) END
FROM pg_temp.items(30) AS slot, pg_catalog.generate_series(1, 3) AS room,
     LATERAL (SELECT '2026-03-02 10:00+00'::timestamptz + slot * interval '30 minutes' AS start) AS calendar
ORDER BY slot, room;

INSERT INTO "BackOffice".imported_ratings (house, rated_on, stars)
SELECT pg_temp.pick('{North,South,Harbour}', 'house', n), '2018-01-01'::date + n,
       CASE WHEN n % 9 > 0 THEN pg_temp.among(0, 50, 'stars', n) / 10.0 END
FROM pg_temp.items(30) AS n ORDER BY n;

INSERT INTO public.page_cache (path, page)
SELECT '/auctions/' || a.id, pg_catalog.jsonb_build_object('title', a.title, 'tags', a.tags)
FROM public.auctions AS a WHERE a.state = 'open' ORDER BY a.id;

REFRESH MATERIALIZED VIEW public.category_turnover;
DROP FUNCTION pg_temp.items, pg_temp.pick, pg_temp.among, pg_temp.draw;
ANALYZE;
