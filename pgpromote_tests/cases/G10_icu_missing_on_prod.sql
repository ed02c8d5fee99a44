-- Expected: refused by `check`. Dev on a server with ICU, prod on a build without it.
--@ expect refused collations
--@ versions 15-16
--@ dev
CREATE COLLATION c (provider = icu, locale = 'und');
