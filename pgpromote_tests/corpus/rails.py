"""A schema as a Rails application leaves it in db/structure.sql: a shop, a community and a forge in one.

One line for each table, in the words of a migration:

    name: column:type … reference>table … subject* …  | index a b | unique a b

`!` is NOT NULL, `=` a default, `reference>table` a bigint with an index and a foreign key, `subject*` a
polymorphic pair with an index. Every table has id, created_at and updated_at, but for those with `-id`.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pgpromote_tests.corpus.values import insert, value

NAME_BYTES = 63
ROWS = 40
TYPES = {
    "s": "character varying",
    "t": "text",
    "i": "integer",
    "l": "bigint",
    "b": "boolean",
    "d": "timestamp(6) without time zone",
    "D": "date",
    "j": "jsonb",
    "n": "numeric(10,2)",
    "f": "double precision",
    "u": "uuid",
    "h": "inet",
    "a": "character varying[]",
    "I": "interval",
    "v": "tsvector",
}
TABLES = """
users: email:s! username:s! encrypted_password:s!='' reset_password_token:s reset_password_sent_at:d sign_in_count:i!=0 current_sign_in_at:d current_sign_in_ip:h admin:b!=false settings:j!='{}' | unique email | unique reset_password_token | index username
user_profiles: user>users! display_name:s! biography:t birthday:D avatar_key:s locale:s!='en' time_zone:s!='UTC' | index locale
user_statuses: user>users! emoji:s!='speech_balloon' message:s clear_status_at:d availability:i!=0 | index clear_status_at
sessions: session_id:s! data:t user>users | unique session_id
identities: user>users! provider:s! uid:s! raw_info:j | unique provider uid
personal_access_tokens: user>users! token_digest:s! scopes:a!='{}' expires_at:d revoked:b=false | unique token_digest
organizations: name:s! slug:s! plan:s!='free' seats:i!=5 features:j!='[]' | unique slug
organization_memberships: organization>organizations! user>users! role:i!=0 invited_by>users | unique organization_id user_id
teams: organization>organizations! parent_team>teams name:s! description:t | unique organization_id name
team_memberships: team>teams! user>users! maintainer:b!=false | unique team_id user_id
projects: organization>organizations! name:s! path:s! visibility_level:i!=0 archived:b!=false star_count:i!=0 last_activity_at:d search:v | unique organization_id path | index last_activity_at visibility_level
project_features: project>projects! issues_access_level:i!=20 merge_requests_access_level:i!=20 wiki_access_level:i!=20
project_statistics_snapshots: project>projects! commit_count:l!=0 storage_size:l!=0 lfs_objects_size:l!=0 recorded_on:D! | unique project_id recorded_on
labels: project>projects title:s! color:s!='#428BCA' priority:i | index title project_id
milestones: project>projects! title:s! due_date:D state:s!='active' | index due_date
issues: project>projects! author>users! milestone>milestones iid:i! title:s! description:t state:s!='opened' weight:i confidential:b!=false closed_at:d | unique project_id iid | index state closed_at
issue_assignees: -id issue>issues! user>users! | unique issue_id user_id
issue_links: source_issue>issues! target_issue>issues! link_type:i!=0 | unique source_issue_id target_issue_id
label_links: label>labels! target* | index target_type label_id
merge_requests: project>projects! author>users! source_branch:s! target_branch:s! iid:i! title:s! merge_status:s!='unchecked' merged_at:d merge_params:j!='{}' | unique project_id iid | index source_branch target_branch
merge_request_approval_rules: merge_request>merge_requests! name:s! approvals_required:i!=0 rule_type:i!=1 | index merge_request_id rule_type name
merge_request_approval_rule_group_memberships: merge_request_approval_rule>merge_request_approval_rules! team>teams! | unique merge_request_approval_rule_id team_id
merge_request_diff_commit_trailers: merge_request>merge_requests! sha:s! trailers:j!='{}' committed_at:d! | unique merge_request_id sha
ci_pipelines: project>projects! ref:s! status:s!='created' source:i duration:i started_at:d finished_at:d | index ref status | index project_id status ref
ci_builds: ci_pipeline>ci_pipelines! name:s! stage:s! status:s!='created' options:j!='{}' runner_tags:a!='{}' coverage:f queued_for:I | index status name
ci_build_trace_section_timings: ci_build>ci_builds! section_name:s! date_start:d! date_end:d! byte_start:l! byte_end:l! | unique ci_build_id section_name
deployments: project>projects! ci_build>ci_builds iid:i! environment_name:s! sha:s! status:i!=0 finished_at:d | unique project_id iid | index environment_name status
notes: author>users! noteable* project>projects note:t! system:b!=false resolved_at:d resolved_by>users | index system resolved_at
award_emojis: user>users! awardable* name:s! | unique user_id awardable_type awardable_id name
events: project>projects author>users! target* action:i! fingerprint:u | index action author_id
todos: user>users! author>users! target*! action:i! state:s!='pending' | index user_id state
notification_settings: user>users! source* level:i!=0 | unique user_id source_type source_id
notification_delivery_preference_overrides: notification_setting>notification_settings! event_name:s! channel:s!='email' enabled:b!=true | unique notification_setting_id event_name channel
categories: parent_category>categories name:s! slug:s! position:i!=0 lft:i! rgt:i! | unique slug | index lft rgt
products: category>categories name:s! sku:s! description:t available_on:d discontinue_on:d metadata:j!='{}' search_document:v | unique sku | index available_on discontinue_on
product_variants: product>products! sku:s! price:n!=0 cost_price:n weight:n!=0.0 position:i!=0 barcode:s | unique sku | index product_id position
product_variant_price_list_entries: product_variant>product_variants! currency:s!='EUR' amount:n! valid_from:d valid_until:d | index product_variant_id currency valid_from
option_types: name:s! presentation:s! position:i!=0 | index position
option_values: option_type>option_types! name:s! presentation:s! position:i!=0 | unique option_type_id name
option_values_product_variants: -id option_value>option_values! product_variant>product_variants! | unique option_value_id product_variant_id
stock_locations: name:s! address_line:s backorderable_default:b!=false active:b!=true | index active
stock_items: stock_location>stock_locations! product_variant>product_variants! count_on_hand:i!=0 | unique stock_location_id product_variant_id
stock_movements: stock_item>stock_items! originator* quantity:i!=0 action:s | index action quantity
warehouse_stock_location_replenishment_rules: stock_location>stock_locations! product_variant>product_variants! threshold:i!=1 reorder_quantity:i!=10 supplier_code:s | unique stock_location_id product_variant_id supplier_code
addresses: user>users first_name:s last_name:s street:s! city:s! postal_code:s country_code:s!='DE' | index postal_code country_code
orders: user>users number:s! billing_address>addresses shipping_address>addresses state:s!='cart' item_total:n!=0 adjustment_total:n!=0 currency:s!='EUR' completed_at:d last_ip_address:h | unique number | index state completed_at
line_items: order>orders! product_variant>product_variants! quantity:i! price:n! private_metadata:j!='{}' | index order_id product_variant_id
adjustments: order>orders! adjustable* source* amount:n! label:s! eligible:b=true finalized:b!=false | index eligible finalized
payments: order>orders! amount:n!=0 state:s!='checkout' response_code:s source* | index state response_code
payment_capture_events: payment>payments! amount:n!=0
refunds: payment>payments! amount:n! transaction_reference:s reason:t | index transaction_reference
shipments: order>orders! stock_location>stock_locations! tracking:s number:s! cost:n!=0 shipped_at:d state:s!='pending' | unique number
inventory_units: line_item>line_items! shipment>shipments state:s!='on_hand' pending:b!=true | index state pending
return_authorizations: order>orders! number:s! memo:t state:s!='authorized' | unique number
promotions: name:s! code:s starts_at:d expires_at:d usage_limit:i rules:j!='[]' | unique code | index starts_at expires_at
order_promotions: order>orders! promotion>promotions! | unique order_id promotion_id
customer_subscriptions: user>users! product_variant>product_variants! interval_length:I! next_renewal_on:D status:i!=0 | index status next_renewal_on
customer_subscription_billing_address_verifications: customer_subscription>customer_subscriptions! address>addresses! verified_by>users verification_payload:j!='{}' expires_at:d | index customer_subscription_id address_id expires_at
customer_subscription_renewal_attempt_notifications: customer_subscription>customer_subscriptions! attempt:i!=1 delivered_at:d error_message:t | unique customer_subscription_id attempt delivered_at
reviews: product>products! user>users! rating:i! title:s body:t approved:b!=false | unique product_id user_id
topics: author>users! title:s! views_count:i!=0 pinned_until:d closed:b!=false tags_cache:a!='{}' | index pinned_until closed
posts: topic>topics! author>users! reply_to_post>posts body:t! edited_at:d post_number:i! | unique topic_id post_number
post_revisions: post>posts! editor>users! number:i! modifications:j! | unique post_id number
tags: name:s! taggings_count:i!=0 | unique name
taggings: tag>tags! taggable* tagger* context:s | index context taggable_id taggable_type tagger_id
friendly_id_slugs: slug:s! sluggable* scope:s | unique slug sluggable_type scope
versions: item*! event:s! whodunnit:s object:j object_changes:j transaction_identifier:l | index transaction_identifier
active_storage_blobs: key:s! filename:s! content_type:s metadata:t service_name:s! byte_size:l! checksum:s | unique key
active_storage_attachments: name:s! record*! blob>active_storage_blobs! | unique record_type record_id name blob_id
active_storage_variant_records: blob>active_storage_blobs! variation_digest:s! | unique blob_id variation_digest
action_text_rich_texts: name:s! body:t record*! | unique record_type record_id name
delayed_jobs: priority:i!=0 attempts:i!=0 handler:t! last_error:t run_at:d locked_by:s queue:s | index priority run_at
oauth_applications: name:s! uid:s! secret:s! redirect_uri:t! scopes:s!='' confidential:b!=true owner* | unique uid
oauth_access_tokens: resource_owner>users application>oauth_applications token:s! refresh_token:s expires_in:i scopes:s | unique token | unique refresh_token
web_hooks: project>projects! url:s! push_events:b!=true recent_failures:i!=0 disabled_until:d | index project_id recent_failures
web_hook_logs: web_hook>web_hooks! trigger:s request_headers:j response_status:s execution_duration:f | index web_hook_id trigger response_status
"""
# What ten years of migrations leave: gaps in the columns, old names on new things, constraints made later.
HISTORY = """
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
COMMENT ON COLUMN orders.total IS E'gross\\n';
"""
BOOKKEEPING = """
CREATE TABLE schema_migrations (version character varying NOT NULL, CONSTRAINT schema_migrations_pkey PRIMARY KEY (version));
INSERT INTO schema_migrations SELECT (20130101000000 + n * 137)::text FROM generate_series(1, 300) AS n;
CREATE TABLE ar_internal_metadata (key character varying NOT NULL, value character varying, created_at timestamp(6) without time zone NOT NULL, updated_at timestamp(6) without time zone NOT NULL, CONSTRAINT ar_internal_metadata_pkey PRIMARY KEY (key));
INSERT INTO ar_internal_metadata VALUES ('environment', 'production', '2019-01-01', '2019-01-01');
"""


@dataclass(frozen=True)
class _Column:
    name: str
    type: str
    not_null: bool
    default: str = ""
    to: str = ""

    @property
    def definition(self) -> str:
        default = f" DEFAULT {self.default}" if self.default else ""
        return f'"{self.name}" {self.type}{default}{" NOT NULL" if self.not_null else ""}'


@dataclass(frozen=True)
class _Table:
    name: str
    keyed: bool
    columns: tuple[_Column, ...]
    indexes: tuple[tuple[bool, tuple[str, ...]], ...]


def script() -> str:
    """Return the whole schema with its rows as one script."""
    tables = [_table(line) for line in TABLES.strip().splitlines()]
    statements = [
        BOOKKEEPING,
        *(statement for table in tables for statement in _created(table)),
        *(_filled(table) for table in tables),
        *(statement for table in tables for statement in _constrained(table)),
        *(_index(table.name, unique, columns) for table in tables for unique, columns in table.indexes),
        HISTORY,
    ]
    return "\n".join(statements)


def _table(line: str) -> _Table:
    name, _, rest = line.partition(": ")
    parts, *indexes = rest.split(" | ")
    columns, own = list[_Column](), list[tuple[bool, tuple[str, ...]]]()
    for word in parts.split():
        for column in _columns(word):
            columns.append(column)
        if ">" in word or "*" in word:
            own.append((False, tuple(column.name for column in _columns(word))))
    kinds = [(kind, tuple(names)) for kind, *names in (text.split() for text in indexes)]
    asked = [(kind == "unique", names) for kind, names in kinds]
    own = [each for each in own if each[1] not in [names for _, names in asked]]
    return _Table(name, "-id" not in parts.split(), tuple(columns), (*own, *asked))


def _columns(word: str) -> list[_Column]:
    match = re.fullmatch(r"(\w+)(?:>(\w+)|(\*)|:(\w))(!?)(?:=(.+))?", word)
    if match is None:
        return []
    name, to, polymorphic, kind, needed, default = match.groups()
    not_null = bool(needed)
    if to:
        return [_Column(f"{name}_id", "bigint", not_null, to=to)]
    if polymorphic:
        return [_Column(f"{name}_type", TYPES["s"], not_null), _Column(f"{name}_id", "bigint", not_null)]
    return [_Column(name, TYPES[kind], not_null, default or "")]


def _created(table: _Table) -> Iterator[str]:
    columns = [column.definition for column in table.columns]
    if table.keyed:
        stamps = [f"{name} timestamp(6) without time zone NOT NULL" for name in ("created_at", "updated_at")]
        columns = ["id bigint NOT NULL", *columns, *stamps]
    yield f"CREATE TABLE {table.name} ({', '.join(columns)});"
    if table.keyed:
        sequence = f"{table.name}_id_seq"[-NAME_BYTES:]
        yield f"CREATE SEQUENCE {sequence} OWNED BY {table.name}.id;"
        yield f"ALTER TABLE {table.name} ALTER COLUMN id SET DEFAULT nextval('{sequence}'::regclass);"


def _filled(table: _Table) -> str:
    stamps = dict.fromkeys(("created_at", "updated_at"), value(TYPES["d"], "stamp")) if table.keyed else {}
    columns = {
        column.name: _reference(column, number) if column.to else _plain(column)
        for number, column in enumerate(table.columns)
    }
    return insert(table.name, columns | stamps, ROWS)


def _reference(column: _Column, number: int) -> str:
    """Refer to another row of another table for each column, so that pairs are unique."""
    found = f"1 + (n + {number}) % {ROWS}"
    return found if column.not_null else f"CASE WHEN n % 3 > 0 THEN {found} END"


def _plain(column: _Column) -> str:
    return value(column.type, column.name, nullable=not column.not_null)


def _constrained(table: _Table) -> Iterator[str]:
    if table.keyed:
        yield f"ALTER TABLE {table.name} ADD CONSTRAINT {table.name[:58]}_pkey PRIMARY KEY (id);"
    for column in table.columns:
        if column.to:
            name = f"fk_rails_{_digest(f'{table.name}_{column.name}_fk')}"
            yield (
                f"ALTER TABLE {table.name} ADD CONSTRAINT {name} "
                f"FOREIGN KEY ({column.name}) REFERENCES {column.to}(id);"
            )


def _index(table: str, unique: bool, columns: tuple[str, ...]) -> str:
    name = f"index_{table}_on_{'_and_'.join(columns)}"
    if len(name) > NAME_BYTES:
        name = f"idx_on_{'_'.join(columns)}"[: NAME_BYTES - 11] + f"_{_digest(name)}"
    kind = "UNIQUE INDEX" if unique else "INDEX"
    return f"CREATE {kind} {name} ON {table} USING btree ({', '.join(columns)});"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]
