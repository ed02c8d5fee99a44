-- What bounds the locks of one transaction: a setting, times the number of transactions that the server allows.
SELECT pg_catalog.current_setting('max_locks_per_transaction')::integer AS per_transaction,
       pg_catalog.current_setting('max_connections')::integer
           + pg_catalog.current_setting('max_prepared_transactions')::integer AS transactions
