"""pgpromote's knowledge of PostgreSQL. Nothing here imports Dagster, reads the environment or prints."""
