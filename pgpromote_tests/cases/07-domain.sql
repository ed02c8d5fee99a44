-- A domain cannot be an identity; one with a default fills the key itself.
-- skip: public.by_domain.id domain
-- skip: public.by_domain_of_domain.id domain
CREATE SEQUENCE numbers;
CREATE DOMAIN number AS integer CHECK (VALUE > 0);
CREATE DOMAIN small_number AS number CHECK (VALUE < 100);
CREATE DOMAIN filled AS integer DEFAULT nextval('numbers'::regclass);
CREATE TABLE by_domain (id number PRIMARY KEY);
CREATE TABLE by_domain_of_domain (id small_number PRIMARY KEY);
CREATE TABLE by_filled_domain (id filled PRIMARY KEY);
