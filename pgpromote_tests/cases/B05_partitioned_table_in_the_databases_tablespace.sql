-- Expected: named by `check` (PostgreSQL cannot do it), before anything is built. Make a tablespace tsb on both servers first.
--@ expect refused tablespaces
--@ set tablespace=tsb
--@ set prodcreate=tablespace tsb
--@ dev
create table pp(a int) partition by list(a) tablespace tsb;
