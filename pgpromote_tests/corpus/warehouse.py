"""A schema as a warehouse grows it over years: partitions on two levels, inheritance, types and odd names."""

from pathlib import Path


def script() -> str:
    """Return the whole schema with its rows as one script."""
    return Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
