-- Tables `bench.first` to `bench.last`: a key to repair, an index, a foreign key to the table before, one row.
DO $$
DECLARE
    number integer;
BEGIN
    FOR number IN SELECT pg_catalog.generate_series(
        pg_catalog.current_setting('bench.first')::integer, pg_catalog.current_setting('bench.last')::integer)
    LOOP
        EXECUTE pg_catalog.format(
            'CREATE TABLE public.t%1$s (id integer PRIMARY KEY, before integer, note text NOT NULL DEFAULT ''new'');'
            'CREATE INDEX t%1$s_note_idx ON public.t%1$s (note);'
            'INSERT INTO public.t%1$s VALUES (1, NULL);'
            'ALTER TABLE public.t%1$s ADD FOREIGN KEY (before) REFERENCES public.t%2$s',
            number, greatest(number - 1, 1));
    END LOOP;
END
$$
