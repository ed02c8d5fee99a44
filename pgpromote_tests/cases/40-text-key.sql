-- Texts and a sequence's numbers cannot be compared.
-- skip: public.by_assignment.id not_integer
-- skip: public.by_cast.id computed
CREATE SEQUENCE s;
CREATE TABLE by_assignment (id text PRIMARY KEY DEFAULT nextval('s'));
CREATE TABLE by_cast (id text PRIMARY KEY DEFAULT nextval('s')::text);
