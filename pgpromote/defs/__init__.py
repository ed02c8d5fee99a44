"""The Dagster side: assets, ops, checks, jobs, schedule and sensor. It translates and decides nothing."""
