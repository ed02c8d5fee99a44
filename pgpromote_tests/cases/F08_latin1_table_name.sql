-- Expected: dumped. Database encoding LATIN1, table name with a letter outside ASCII; pg_dump alone works.
--@ expect promoted
--@ set devcreate=encoding 'LATIN1' locale 'C' template template0
--@ set prodcreate=encoding 'LATIN1' locale 'C' template template0
--@ dev
set client_encoding='UTF8';
create table "straße"(id int primary key, "größe" text);
insert into "straße" values (1,'ß');
--@ check
set client_encoding='UTF8'; select * from "straße"
