-- Whether the server offers TLS, and whether Kerberos encrypts this session.
SELECT pg_catalog.current_setting('ssl') = 'on' AS offered,
       EXISTS (SELECT FROM pg_catalog.pg_stat_gssapi AS g
                WHERE g.pid = pg_catalog.pg_backend_pid() AND g.encrypted) AS kerberos
