"""Promote a PostgreSQL database from Dev to Prod.

    definitions.py     the only thing that Dagster loads: settings → definitions
    settings.py        the variables of the environment, and a promotion made of them
    promotion.py       one promotion as a value: source, target, store
    run/               one run: its steps in order, its options, its state
        steps.py           the table of steps, which everything else reads
        dump.py            the archive of a run that makes its own
        check.py           everything before prod is touched
        prepare.py         the place for the new content, and the schema reset
        restore.py         the restore; restore_progress.py follows it
        prove.py           repair, views, proof, rights, statistics
        swap.py            the cut-over, and dropping what is not to be kept
        run.py             the run that lives: lock, databases, tools; it walks a step
        state.py           the state of a run; states.py keeps it on disk, died.py finds runs that were killed
        outcome.py         the state of prod when a run ends; notes.py has the lines about a step
        options.py         the choices of a person for one run
        rollback.py        back to what prod was; retention.py how much of that is kept
        last.py            when a promotion last succeeded; doctor.py looks over all that one needs,
                           storage.py over the database of Dagster
        safeguard.py       the safety archive, and the refusal of losses
        building.py        who builds the new database; scratch.py reads definitions back
    postgres/          everything about PostgreSQL; no Dagster, no environment, no prints
        archives/          the entries of an archive, their selection, its origin and its store
        checks/            the facts about both servers before, and the rules for them
        databases/         the databases beside prod, their marks and locks, the exchange
        loading/           pg_restore in passes, its messages, views, statistics
        keys/              sequences, identities, and their repair
        rows/              counted, hashed, compared
        rights/            owners and grants
        losses/            the losses of prod by a promotion, and those of dev before it
        sql/               one query per file
    report/            a run as page, JSON, alert, webhook
    terminal/          how values look on a terminal, and how far a run is
    cli/               the `pgpromote` command: parse, call, print; its templates are what `init` writes
    defs/              Dagster: assets, ops, jobs, schedule, sensors; translates, decides nothing
    demo/              embedded servers and the sample auction database

Imports go down only: definitions, cli → defs → terminal, report → run → promotion → postgres.
"""
