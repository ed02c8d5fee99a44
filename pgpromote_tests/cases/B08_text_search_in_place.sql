-- Expected: restored in place; a parser, a template, a dictionary and a configuration are on both sides, and none is called prod's alone.
--@ expect promoted
--@ versions 16-16 18-18
--@ set restore=--strategy clean --yes
--@ set losses=none
--@ dev
CREATE SCHEMA search;
CREATE TEXT SEARCH PARSER search.words (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, headline = prsd_headline, lextypes = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE search.plain (init = dsimple_init, lexize = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY search."kleine Wörter" (template = search.plain, accept = false);
CREATE TEXT SEARCH CONFIGURATION search.config (parser = search.words);
ALTER TEXT SEARCH CONFIGURATION search.config ADD MAPPING FOR asciiword, word WITH search."kleine Wörter", simple;
--@ prod
CREATE SCHEMA search;
CREATE TEXT SEARCH PARSER search.words (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, headline = prsd_headline, lextypes = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE search.plain (init = dsimple_init, lexize = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY search."kleine Wörter" (template = search.plain, accept = true);
CREATE TEXT SEARCH CONFIGURATION search.config (parser = search.words);
--@ check
SELECT to_tsvector('search.config', 'One two THREE')
