"""Membership in roles, as a query asks the server for it."""

from pgpromote.postgres.server import Session


def become(session: Session) -> str:
    """Return the name by which pg_has_role knows the right to SET ROLE; before 16 every member had it."""
    return "SET" if session.info.server_version >= 160000 else "MEMBER"
