"""Parity of rights in two databases: the old one and the one that takes its place."""

from collections.abc import Iterator

from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.naming import option
from pgpromote.postgres.rights.ownership import (
    PUBLIC,
    Grants,
    Owned,
    Rights,
    RowPolicy,
    RowSecurity,
    aligned,
    columns_gone,
    expected,
    expected_defaults,
    handed_over,
    left_to_extension,
)

Right = tuple[str, str, str, bool]


def compare(before: Rights, after: Rights) -> list[Finding]:
    """Return every difference of rights, worst first: no ERROR proves that nobody lost or gained anything.

    An ERROR for each right lost or gained and each other owner, per object, role and privilege, and for each
    protection of rows lost; a WARNING for any other change of row security, and for a view that its owner's
    rights break; INFO for objects that are gone or new. Conditions are compared as text: the effect of the
    functions in them is not seen.
    """
    before, after = aligned(before, after)
    goal = expected(after, before)
    findings = [
        *(
            f
            for key, o in after.objects.items()
            for f in _compared(before.objects.get(key), goal[key], o, after)
        ),
        *_gone(before, after),
        *_rows_shown(before, after),
        *_broken_views(before, after),
    ]
    for key, (default, grants) in expected_defaults(after, before).items():
        present = after.defaults[key].grants if key in after.defaults else default.builtin
        findings += _moved(default.name, grants, present)
    ranks = list(Severity)
    return sorted(findings, key=lambda f: (ranks.index(f.severity), f.object, f.rule, f.message))


def _compared(old: Owned | None, goal: Owned, here: Owned, after: Rights) -> Iterator[Finding]:
    if here == old == goal:
        return
    if old is None and not here.part_of and not here.extension:
        yield Finding("rights_new", Severity.INFO, here.name, f"New: owner {here.owner}{_open_to(here)}.")
    # A part has its relation's owner, of whom is told there.
    if here.owner != goal.owner and not here.part_of:
        severity = Severity.WARNING if here.kind == "EXTENSION" else Severity.ERROR
        message = f"Belongs to {here.owner} instead of {goal.owner}."
        yield Finding(_definer_rule(here) or "rights_owner", severity, here.name, message)
    if left_to_extension(here, old):
        if old and _held(handed_over(old.grants, old.owner, here.owner)) != _held(here.grants):
            message = "The extension itself gives other rights than it did in prod."
            yield Finding("rights_extension", Severity.WARNING, here.name, message)
        return
    grants = handed_over(goal.grants, goal.owner, here.owner)
    yield from _moved(here.name, grants, here.grants, _definer_rule(here) or "rights_gained")
    yield from _now_as_owner(old, here, after)


def _definer_rule(here: Owned) -> str:
    return "rights_security_definer" if here.runs_as_owner and here.kind == "ROUTINE" else ""


def _now_as_owner(old: Owned | None, here: Owned, after: Rights) -> Iterator[Finding]:
    if not here.runs_as_owner or (old and old.runs_as_owner):
        return
    if here.kind == "ROUTINE":
        powerful = here.owner in after.superusers
        message = f"Now runs with the rights of its owner {here.owner}{' (superuser)' if powerful else ''}."
        reachable = powerful and any(g.grantee != here.owner for g in here.grants)
        severity = Severity.ERROR if reachable else Severity.WARNING
        yield Finding(
            "rights_security_definer", severity, here.name, message, "Review it, or revoke EXECUTE."
        )
    elif old:
        message = f"Now reads with the rights of its owner {here.owner}; it was a security_invoker view."
        yield Finding("rights_runs_as_owner", Severity.WARNING, here.name, message)


def _open_to(new: Owned) -> str:
    by_role: dict[str, list[str]] = {}
    for g in sorted(g for g in new.grants if g.grantee != new.owner):
        by_role.setdefault(g.grantee, []).append(g.privilege)
    opened = "".join(f"; {', '.join(privileges)} to {role}" for role, privileges in by_role.items())
    return opened or "; no rights for anybody else"


def _held(grants: Grants) -> frozenset[Right]:
    """Return the rights, whoever gave them: role, privilege, column, and whether with grant option."""
    plain = {(g.grantee, g.privilege, g.column, False) for g in grants}
    return frozenset(plain | {(g.grantee, g.privilege, g.column, True) for g in grants if g.grantable})


def _moved(name: str, before: Grants, after: Grants, gained: str = "rights_gained") -> Iterator[Finding]:
    if before == after:
        return
    old, new = _held(before), _held(after)
    for right in sorted(old - new):
        # A right on the whole table covers its columns; a lost right takes its grant option along.
        if (*right[:2], "", right[3]) not in new and (not right[3] or (*right[:3], False) in new):
            yield Finding("rights_lost", Severity.ERROR, name, f"{_described(right)} is lost.")
    for right in sorted(new - old):
        if (*right[:2], "", right[3]) not in old:
            yield Finding(gained, Severity.ERROR, name, f"{_described(right)} is new.")
    if old == new and {g.right for g in before} != {g.right for g in after}:
        yield Finding("rights_grantor", Severity.WARNING, name, "The same rights come from other roles.")


def _described(right: Right) -> str:
    role, privilege, column, grantable = right
    what = f"{privilege} on column {column}" if column else privilege
    return f"{what}{' WITH GRANT OPTION' if grantable else ''} for {'PUBLIC' if role == PUBLIC else role}"


def _gone(before: Rights, after: Rights) -> Iterator[Finding]:
    for key, old in before.objects.items():
        here = after.objects.get(key)
        if here is None:
            if not old.part_of and not (old.extension and old.initial):
                yield Finding(
                    "rights_gone",
                    Severity.INFO,
                    old.name,
                    "Not in the new database, because it is not on dev.",
                )
            continue
        for column in sorted(columns_gone(old, after)):
            name = f"column {column} of {old.name}"
            yield Finding("rights_gone", Severity.INFO, name, "Not in the new database; its grants with it.")


def _rows_shown(before: Rights, after: Rights) -> Iterator[Finding]:
    """Compare row security on the tables of both databases."""
    for identity in sorted(before.row_security.keys() | after.row_security.keys()):
        key = ("TABLE", identity)
        if key not in before.objects or key not in after.objects:
            continue
        name = after.objects[key].name
        old, new = before.row_security.get(identity), after.row_security.get(identity)
        if old and new:
            if old.forced and not new.forced:
                yield _uncovered(name, "Row security no longer binds the owner, as it does in prod (FORCE).")
            yield from _policies_changed(name, old, new)
        elif old:
            yield _uncovered(name, "Row security is off and in prod it is on: all rows would be seen.")
        else:
            yield _otherwise(name, "Row security is on and in prod it is off: rows may be hidden.")


def _policies_changed(name: str, old: RowSecurity, new: RowSecurity) -> Iterator[Finding]:
    added = {policy.name: policy for policy in new.policies - old.policies}
    for policy in sorted(old.policies - new.policies, key=lambda p: p.name):
        now = added.pop(policy.name, None)
        if now:
            message = f"Policy {policy.name} differs from prod's in {_difference(policy, now)}."
            found = _uncovered if not policy.permissive or _opened(policy, now) else _otherwise
        else:
            message = f"Policy {policy.name} of prod is gone."
            found = _otherwise if policy.permissive else _uncovered
        yield found(name, message)
    for policy in added.values():
        yield _otherwise(name, f"Policy {policy.name} is new.")


def _opened(old: RowPolicy, new: RowPolicy) -> bool:
    """Return whether a policy has come to let every row through. Of other conditions this cannot be known."""
    using = new.using == "true" != old.using
    return new.permissive and (using or (new.check == "true" != old.check))


def _difference(old: RowPolicy, new: RowPolicy) -> str:
    parts = {
        "kind": old.permissive == new.permissive,
        "command": old.command == new.command,
        "roles": old.roles == new.roles,
        "USING": old.using == new.using,
        "WITH CHECK": old.check == new.check,
    }
    return ", ".join(part for part, same in parts.items() if not same)


def hint_on_rows() -> str:
    """Return the hint for row security of prod that would not cover the rows as it does now."""
    return (
        f"Bring prod's row security to dev, or choose {option('rights', 'source')}, which makes this a "
        "warning."
    )


def _uncovered(name: str, message: str) -> Finding:
    return Finding("rights_rows", Severity.ERROR, name, message, hint_on_rows())


def _otherwise(name: str, message: str) -> Finding:
    return Finding("rights_rows", Severity.WARNING, name, message)


def _broken_views(before: Rights, after: Rights) -> Iterator[Finding]:
    for broken in after.unreadable - before.unreadable:
        message = (
            f"Its owner {broken.owner} may not read all that it needs of {broken.relation}, "
            "so nobody can use it."
        )
        hint = f"Grant SELECT on {broken.relation} to {broken.owner}."
        yield Finding("rights_view", Severity.WARNING, broken.view, message, hint)
