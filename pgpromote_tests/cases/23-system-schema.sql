-- A user's table in a system schema is never altered.
-- skip: information_schema.mine.id system_schema
CREATE TABLE information_schema.mine (id integer PRIMARY KEY);
