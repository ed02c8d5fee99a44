"""Owners and grants: read from prod or the archive, given to the new database, compared."""
