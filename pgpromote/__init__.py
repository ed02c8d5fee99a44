"""Promote a PostgreSQL database from Dev to Prod.

    definitions.py     the only thing that Dagster loads: settings → definitions
    settings.py        the variables of the environment, and a promotion made of them
    promotion.py       one promotion as a value: source, target, store
    run/               one run: its steps in order, its options, its state
        steps.py           the table of steps, which everything else reads
        check.py           everything before prod is touched
        prepare.py         the place for the new content, and the schema reset
        restore.py         the restore; restore_progress.py follows it
        prove.py           repair, views, proof, rights, statistics
        swap.py            the cut-over, and dropping what is not to be kept
        run.py             the run that lives: lock, databases, tools; it walks a step
        state.py           the state of a run; states.py keeps it on disk, died.py finds runs that were killed
        outcome.py         what prod is when a run ends; notes.py what is said of a step
        options.py         what a person can choose for one run
        rollback.py        back to what prod was; retention.py how much of that is kept
        last.py            when a promotion last succeeded; doctor.py looks over all that one needs
        safeguard.py       what keeps prod from being lost
        building.py        who builds the new database; scratch.py reads definitions back
    postgres/          everything about PostgreSQL; no Dagster, no environment, no prints
        archives/          what is in an archive, what of it is restored, whose it is, where it is kept
        checks/            what is read of both servers before, and what that forbids
        databases/         the databases beside prod, their marks and locks, the exchange
        loading/           pg_restore in passes, its messages, views, statistics
        keys/              sequences, identities, and their repair
        rows/              counted, hashed, compared
        rights/            owners and grants
        losses/            what prod would lose, and what dev has lost
        sql/               one query per file
    report/            a run as page, JSON, alert, webhook
    terminal/          how values look on a terminal, and how far a run is
    cli/               the `pgpromote` command: parse, call, print; its templates are what `init` writes
    defs/              Dagster: assets, ops, jobs, schedule, sensors; translates, decides nothing
    demo/              embedded servers and the sample auction database

Imports go down only: definitions, cli → defs → terminal, report → run → promotion → postgres.
"""
