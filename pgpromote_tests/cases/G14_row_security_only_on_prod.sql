-- Expected: refused by `check`, not by the proof after the whole restore. Prod has row security that dev lacks.
--@ expect refused rows_protected
--@ dev
CREATE TABLE t (id integer PRIMARY KEY);
--@ prod
CREATE TABLE t (id integer PRIMARY KEY);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON t USING (true);
