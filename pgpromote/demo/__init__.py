"""The demo: embedded PostgreSQL servers and a sample auction database."""
