-- A sequence can feed a numeric key; what it cannot give (fractions beyond, infinity) does not disturb it.
-- plan: bump public.invoices.id 1 -> 43
-- then: INSERT INTO invoices DEFAULT VALUES RETURNING id => 43
CREATE SEQUENCE invoice_numbers;
CREATE TABLE invoices (id numeric PRIMARY KEY DEFAULT nextval('invoice_numbers'));
INSERT INTO invoices VALUES (41.7), ('Infinity'), ('NaN'), (1e30);
