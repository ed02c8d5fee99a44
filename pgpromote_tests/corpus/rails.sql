-- What ten years of migrations leave: gaps in the columns, old names on new things, constraints made later.
CREATE TABLE schema_migrations (version character varying NOT NULL, CONSTRAINT schema_migrations_pkey PRIMARY KEY (version));
INSERT INTO schema_migrations SELECT (20130101000000 + n * 137)::text FROM generate_series(1, 300) AS n;
CREATE TABLE ar_internal_metadata (key character varying NOT NULL, value character varying, created_at timestamp(6) without time zone NOT NULL, updated_at timestamp(6) without time zone NOT NULL, CONSTRAINT ar_internal_metadata_pkey PRIMARY KEY (key));
INSERT INTO ar_internal_metadata VALUES ('environment', 'production', '2019-01-01', '2019-01-01');
ALTER TABLE users ADD COLUMN legacy_token character varying, ADD COLUMN karma integer DEFAULT 0;
UPDATE users SET legacy_token = md5(id::text);
ALTER TABLE users DROP COLUMN legacy_token, ADD COLUMN two_factor_enabled boolean DEFAULT false NOT NULL;
ALTER TABLE users ALTER COLUMN karma TYPE bigint, ALTER COLUMN karma SET NOT NULL;
ALTER TABLE topics RENAME TO discussion_topics;
ALTER TABLE discussion_topics RENAME COLUMN views_count TO view_count;
ALTER TABLE orders DROP COLUMN adjustment_total, ADD COLUMN total numeric(12,2) GENERATED ALWAYS AS (item_total * 1.19) STORED;
ALTER TABLE order_promotions RENAME CONSTRAINT order_promotions_pkey TO orders_promotions_pkey;
ALTER INDEX index_orders_on_number RENAME TO uniq_orders_number;
ALTER TABLE line_items ADD CONSTRAINT chk_rails_quantity CHECK (quantity > 0) NOT VALID;
ALTER TABLE line_items VALIDATE CONSTRAINT chk_rails_quantity;
ALTER TABLE reviews ADD CONSTRAINT reviews_rating_is_at_least_one_and_says_something_at_all_in_1_5 CHECK (rating >= 1) NOT VALID;
ALTER TABLE web_hooks ALTER COLUMN url TYPE text;
ALTER TABLE events ALTER COLUMN action TYPE smallint;
ALTER SEQUENCE tags_id_seq RESTART WITH 5000;
DELETE FROM delayed_jobs WHERE id % 3 = 0;
UPDATE issues SET title = title || ' – geändert ✓' WHERE id % 5 = 0;
CREATE INDEX index_users_on_lower_email ON users (lower(email::text));
CREATE INDEX index_issues_on_project_id_and_state_where_not_confidential_62_ ON issues (project_id, state) WHERE NOT confidential;
CREATE INDEX index_products_on_metadata ON products USING gin (metadata jsonb_path_ops);
CREATE INDEX index_projects_on_search ON projects USING gin (search);
CREATE INDEX index_merge_requests_covering ON merge_requests (author_id, merged_at DESC NULLS LAST) INCLUDE (title);
CREATE INDEX customer_subscription_billing_address_verifications_on_payload2 ON customer_subscription_billing_address_verifications USING gin (verification_payload);
CREATE VIEW open_issue_counts AS SELECT project_id, count(*) AS issues FROM issues WHERE state = 'opened' GROUP BY project_id;
CREATE MATERIALIZED VIEW product_sales AS SELECT v.product_id, sum(l.quantity * l.price) AS revenue FROM line_items l JOIN product_variants v ON v.id = l.product_variant_id GROUP BY v.product_id;
CREATE UNIQUE INDEX index_product_sales_on_product_id ON product_sales (product_id);
CREATE FUNCTION products_search_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
begin
  new.search_document := to_tsvector('simple', coalesce(new.name, '') || ' ' || coalesce(new.sku, ''));
  return new;
end
$$;
CREATE TRIGGER tsvectorupdate BEFORE INSERT OR UPDATE ON products FOR EACH ROW EXECUTE FUNCTION products_search_trigger();
COMMENT ON TABLE versions IS 'Written by paper_trail; "object" is the row before it was changed';
COMMENT ON COLUMN orders.total IS E'gross\n';
