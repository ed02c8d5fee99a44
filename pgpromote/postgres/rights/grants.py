"""The differences between two sets of rights, as GRANT and REVOKE in an order that the server accepts."""

from collections.abc import Iterator, Sequence

from psycopg.sql import SQL, Composable, Identifier

from pgpromote.postgres.rights.ownership import PUBLIC, Grant, Grants


def differences(here: Grants, wanted: Grants, owner: str) -> Iterator[tuple[str, list[Grant]]]:
    """Yield GRANT or REVOKE with the rights of each statement, in an order that the server accepts."""
    for whole in (True, False):
        present = {g.right: g for g in here if (g.column == "") is whole}
        final = {g.right: g for g in wanted if (g.column == "") is whole}
        given = [
            g for r, g in final.items() if r not in present or (g.grantable and not present[r].grantable)
        ]
        taken = [g for r, g in present.items() if r not in final]
        limited = [g for r, g in present.items() if r in final and g.grantable and not final[r].grantable]
        yield from (("GRANT", grants) for grants in _batches(given, wanted, owner))
        yield from (("REVOKE", grants) for grants in reversed(_batches(taken, here, owner)))
        yield from (
            ("REVOKE GRANT OPTION FOR", grants) for grants in reversed(_batches(limited, here, owner))
        )
        if whole:
            # REVOKE on a table takes the same right on its columns, too.
            gone = {g.right[:3] for g in taken}
            weak = {g.right[:3] for g in limited}
            here = frozenset(
                g._replace(grantable=g.grantable and g.right[:3] not in weak)
                for g in here
                if g.right[:3] not in gone
            )


def _batches(grants: Sequence[Grant], chain: Grants, owner: str) -> list[list[Grant]]:
    """Group rights by grantor, grantee and grant option; rights that come from the owner are first."""
    if not grants:
        return []
    depth = _depths(chain, owner)
    batches: dict[tuple[int, str, str, bool], list[Grant]] = {}
    for g in sorted(grants, key=lambda g: (depth[g], g)):
        batches.setdefault((depth[g], g.grantor, g.grantee, g.grantable), []).append(g)
    return list(batches.values())


def _depths(grants: Grants, owner: str) -> dict[Grant, int]:
    """Return the number of grantors between the owner and each right."""
    depths = {g: 0 for g in grants if g.grantor == owner}
    while later := {
        g: 1 + max(depths.values(), default=0)
        for g in grants - depths.keys()
        if any(
            h.grantee == g.grantor
            and h.grantable
            and h.privilege == g.privilege
            and h.column in ("", g.column)
            for h in depths
        )
    }:
        depths |= later
    return {g: depths.get(g, len(grants)) for g in grants}


def written(verb: str, target: Composable, grants: list[Grant]) -> Composable:
    """Return the statement that gives or takes rights, on objects as SQL names them."""
    privileges = SQL(", ").join(
        SQL("{} ({})").format(SQL(g.privilege), SQL(g.column)) if g.column else SQL(g.privilege)
        for g in grants
    )
    grantee = SQL("PUBLIC") if grants[0].grantee == PUBLIC else Identifier(grants[0].grantee)
    pattern = "{} {} {} TO {}{}" if verb == "GRANT" else "{} {} {} FROM {}{}"
    option = SQL(" WITH GRANT OPTION" if verb == "GRANT" and grants[0].grantable else "")
    return SQL(pattern).format(SQL(verb), privileges, target, grantee, option)
