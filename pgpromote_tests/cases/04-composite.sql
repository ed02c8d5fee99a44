-- Which of several key columns should count cannot be known. One that has an identity already is complete.
-- skip: public.lines."order", line composite
CREATE TABLE lines ("order" integer, line integer, PRIMARY KEY ("order", line));
CREATE TABLE complete (tenant integer, id integer GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (tenant, id));
