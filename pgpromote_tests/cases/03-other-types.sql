-- Keys that are not integers are nobody's business here.
CREATE TABLE by_numeric (id numeric PRIMARY KEY);
CREATE TABLE by_oid (id oid PRIMARY KEY);
CREATE TABLE by_text (id text PRIMARY KEY);
CREATE TABLE by_uuid (id uuid PRIMARY KEY);
CREATE TABLE without_key (id integer NOT NULL);
CREATE TABLE unique_only (id integer NOT NULL UNIQUE);
