-- Partitioning forces its column into the key; the other column is still the one that counts. Two others: no.
-- plan: add public.bids.id 31
-- skip: public.tenant_bids.tenant, id composite
-- find[15,16]: partition_inserts public.bids.id
-- then: INSERT INTO bids (day) VALUES ('2024-02-03') RETURNING id => 31
CREATE TABLE bids (day date, id bigint, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE bids_2023 PARTITION OF bids FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE bids_2024 PARTITION OF bids FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY RANGE (day);
CREATE TABLE bids_2024_all PARTITION OF bids_2024 DEFAULT;
INSERT INTO bids VALUES ('2023-05-05', 30), ('2024-05-05', 29);
CREATE TABLE tenant_bids (tenant integer, id integer, day date, PRIMARY KEY (tenant, id, day)) PARTITION BY RANGE (day);
