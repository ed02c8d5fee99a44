"""Promote a PostgreSQL database from Dev to Prod.

    definitions.py   what Dagster loads: environment → one promotion → definitions
    cli/             the `pgpromote` command: parse, call, print
    terminal.py      how the command line shows values
    run.py           one run: its steps in order; the command line and Dagster walk them
    work.py          how much of a restore is done
    progress.py      how far a run is, as a picture for a terminal
    rollback.py      what prod was, brought back; what it is now
    past.py          the same in words
    retention.py     what is kept of what prod was
    record.py        what a run was: for the report, the summary, the UI
    options.py       what a person can choose for one run
    promotion.py     one promotion, read from the environment
    postgres/        everything about PostgreSQL; no Dagster, no prints
        dump → archive → checks → preflight → plan → shadow → restore → repair → prove → cutover → audit
        apply.py     the only code that writes through SQL
        tools.py     pg_dump, pg_restore, psql as child processes
        server.py    URLs, sessions, identity
        place.py     prod, the run, and the database where promotions meet
        naming.py    how texts call settings and commands: the layer above says it
        sql/         one query per file
    defs/            Dagster: assets, ops, jobs, schedule, sensor; translates, decides nothing
    demo/            embedded servers and the sample auction database

Each stage takes the value of the one before it: Archive → Clearance → Restored → Repair → Proof → findings.
"""
