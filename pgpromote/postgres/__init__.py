"""What pgpromote knows about PostgreSQL. Nothing here imports Dagster, reads the environment or prints."""
