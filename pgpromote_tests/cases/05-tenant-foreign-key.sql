-- A key of tenant and number: numbers count per tenant.
-- skip: public.documents.tenant, number composite
CREATE TABLE tenants (tenant integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
CREATE TABLE documents (tenant integer REFERENCES tenants, number integer, PRIMARY KEY (tenant, number));
INSERT INTO tenants DEFAULT VALUES;
INSERT INTO documents VALUES (1, 1);
