-- Row security and missing grants do not stop a superuser, who sees every row.
-- plan: add public.t.id 501
CREATE TABLE t (id integer PRIMARY KEY);
INSERT INTO t SELECT generate_series(1, 500);
ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON t USING (id = 1);
REVOKE ALL ON t FROM CURRENT_USER;
