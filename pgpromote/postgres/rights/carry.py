"""Carry over the old database's ownership and grants, and prove that nobody lost or gained anything.

`plan` makes the new database's rights those that `capture` read from the old one; `problems` lists the
obstacles first; `compare` finds the differences. `take_over` and `prove` are a promotion's two steps made of
them.

Row security comes with the archive, so it is compared and never carried over.

Left out: rights on the database itself, which the cut-over carries; publications, subscriptions and event
triggers, which no promotion brings; rights of the whole server (parameters, tablespaces, membership).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import LiteralString

from psycopg.sql import SQL, Identifier

from pgpromote.postgres.apply import apply
from pgpromote.postgres.archives.archive import unquoted
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.membership import become
from pgpromote.postgres.model import Finding, Policy, Severity, Statement
from pgpromote.postgres.naming import option
from pgpromote.postgres.rights.grants import differences, written
from pgpromote.postgres.rights.ownership import (
    Grant,
    Key,
    Owned,
    Rights,
    Role,
    aligned,
    capture,
    expected,
    expected_defaults,
    handed_over,
)
from pgpromote.postgres.rights.parity import compare
from pgpromote.postgres.server import Database, Session, connect

__all__ = [
    "Rights",
    "capture",
    "compare",
    "giving",
    "owners",
    "plan",
    "problems",
    "prove",
    "read",
    "take_over",
    "without_defaults",
]

RULE = "rights_kept"

# GRANT knows a foreign server by two words, ALTER … OWNER TO by one.
ALTER_AS = {"FOREIGN SERVER": "SERVER"}
# Objects in a transaction. A new owner costs a table's locks and those of its indexes; the server keeps some
# thousand by default.
BATCH = 200
# Objects in one GRANT, which costs none of their locks before 18 and one since.
AT_ONCE = 500


@dataclass(frozen=True)
class _Step:
    """One change of objects of a schema, or of one that is `given` another owner, and the role it needs."""

    statement: Statement
    objects: tuple[str, ...]
    schema: str
    role: str
    by_owner: bool
    new_owner: str = ""
    given: Owned | None = None


def read(database: Database, run_id: str) -> Rights:
    """Read all rights of a database to which another is compared: without the columns of its tables."""
    with connect(database, run_id) as session:
        return capture(session, columns_of=())


def take_over(
    wanted: Rights,
    restored: Database,
    run_id: str,
    policy: Policy,
    on_statement: Callable[[Statement], None] = lambda s: None,
) -> tuple[Finding, ...]:
    """Give the restored database prod's ownership and grants, if that is the policy; return the warnings.

    Raises Refused, before any right is changed, when a role is missing or not ours to act as.
    """
    if policy is not Policy.KEEP:
        return ()
    with connect(restored, run_id, autocommit=True) as session:
        here = capture(session, columns_of=wanted.with_column_grants)
        steps = _steps(here, wanted)
        found = _problems(steps, here.roles, _options(session))
        if any(finding.severity is Severity.ERROR for finding in found):
            raise Refused(found)
        _carry_over(session, steps, here.roles, on_statement)
    return tuple(replace(finding, rule=RULE) for finding in found)


def prove(wanted: Rights, restored: Database, run_id: str, policy: Policy) -> tuple[Finding, ...]:
    """Return findings for all rights and row security in the restored database that differ from prod's.

    An ERROR becomes a WARNING where prod's rights were not to be kept: the difference was chosen.
    """
    with connect(restored, run_id) as session:
        found = compare(wanted, capture(session, columns_of=wanted.with_column_grants))
    chosen = policy is not Policy.KEEP
    return tuple(
        replace(
            finding,
            rule=RULE,
            severity=Severity.WARNING if chosen and finding.severity is Severity.ERROR else finding.severity,
        )
        for finding in found
    )


def plan(session: Session, wanted: Rights) -> list[Statement]:
    """Return the statements that make this database's ownership and grants equal to `wanted`; [] for none.

    For one transaction: it switches roles with SET LOCAL, and opens a schema for a moment to a role that has
    to act in it. Each new owner of a table takes the table's locks: see `take_over` for thousands of them.
    """
    here = capture(session, columns_of=wanted.with_column_grants)
    return list(_statements(_steps(here, wanted), here.roles))


def _carry_over(
    session: Session,
    steps: Sequence[_Step],
    roles: Mapping[str, Role],
    on_statement: Callable[[Statement], None],
) -> None:
    """Apply the plan to a database that nobody uses yet, in transactions that the lock table can hold.

    The session must be in autocommit mode. Raises psycopg.Error of the first statement that fails; the
    statements before it stay done.
    """
    numbered = zip(accumulate(len(step.objects) for step in steps), steps, strict=True)
    for _, part in groupby(numbered, lambda pair: pair[0] // BATCH):
        apply(session, list(_statements([step for _, step in part], roles)), on_statement)


def _statements(steps: Sequence[_Step], roles: Mapping[str, Role]) -> Iterator[Statement]:
    """Yield the steps of one transaction, with the switch to each other role that acts, and the way back."""
    for actor, acting in groupby(steps, lambda step: _actor(step, roles)):
        statements = [step.statement for step in acting]
        yield from [_set_role(actor), *statements, _set_role(_us(roles))] if actor else statements


def problems(session: Session, wanted: Rights) -> list[Finding]:
    """Return the obstacles to `plan`: an ERROR for each role that is missing or not ours to act as."""
    here = capture(session, columns_of=wanted.with_column_grants)
    return _problems(_steps(here, wanted), here.roles, _options(session))


def _options(session: Session) -> str:
    """Return the options of GRANT with which our role may act as another and has its rights; "" before 16."""
    return " WITH INHERIT TRUE, SET TRUE" if become(session) == "SET" else ""


def _problems(steps: Sequence[_Step], roles: Mapping[str, Role], options: str) -> list[Finding]:
    owners = {name for name, role in roles.items() if not role.can_become}
    barred = {step.given.name for step in steps if step.given and step.new_owner in owners}
    found: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        if step.by_owner and not step.given and barred.issuperset(step.objects):
            continue  # its owner is an obstacle already
        for reason in _obstacles(step, roles, options):
            found.setdefault(reason, []).extend(step.objects)
    return [
        Finding("rights_not_ours", Severity.ERROR, _some(objects), f"{_some(objects)}: {reason}", hint)
        for (reason, hint), objects in sorted(found.items())
    ]


def _obstacles(step: _Step, roles: Mapping[str, Role], options: str) -> Iterator[tuple[str, str]]:
    """Yield each obstacle to a step, with the statement that removes it."""
    missing = {step.role, step.new_owner} - roles.keys() - {""}
    for name in sorted(missing):
        yield f"There is no role {name} on this server.", _pasted("CREATE ROLE {};", name)
    if missing:
        return
    us, actor = _us(roles), _actor(step, roles)
    if actor and not roles[actor].can_become:
        yield (
            f"{us} may not act as {actor}, whose grants have to change.",
            _granted(roles[actor], us, step, options),
        )
    if step.new_owner and not roles[step.role].has_rights:
        reason = f"{us} does not have the rights of {step.role}, whose objects get another owner."
        yield reason, _granted(roles[step.role], us, step, options)
    if step.new_owner and not roles[step.new_owner].can_become:
        reason = f"{us} may not SET ROLE {step.new_owner}, so it cannot make that role an owner."
        yield reason, _granted(roles[step.new_owner], us, step, options)


def _granted(role: Role, us: str, step: _Step, options: str) -> str:
    if not role.superuser:
        return f"As a superuser: {_pasted('GRANT {} TO {}', role.name, us)}{options};"
    if step.given:
        return f"As a superuser, run in prod: {giving(step.given, us, '').sql};"
    return (
        f"Only the superuser {role.name} can give them. As that role, make them in prod what they were; or "
        f"choose {option('rights', 'source')}, or none."
    )


def _us(roles: Mapping[str, Role]) -> str:
    return next(name for name, role in roles.items() if role.is_us)


def _pasted(statement: LiteralString, *names: str) -> str:
    return SQL(statement).format(*map(Identifier, names)).as_string()


def _some(objects: Iterable[str]) -> str:
    first, *others = dict.fromkeys(objects)
    return f"{first} and {len(others)} more" if others else first


def _actor(step: _Step, roles: Mapping[str, Role]) -> str:
    """Return the role to switch to, "" when we have the right ourselves."""
    ours = step.new_owner or (step.by_owner and step.role in roles and roles[step.role].has_rights)
    return "" if ours else step.role


def _set_role(name: str) -> Statement:
    return Statement(_pasted("SET LOCAL ROLE {}", name), "act as the role whose rights it takes")


def _steps(here: Rights, wanted: Rights) -> list[_Step]:
    here, wanted = aligned(here, wanted)
    goal = expected(here, wanted)
    schemas = {o.identity: o for o in here.objects.values() if o.kind == "SCHEMA"}
    inside = [step for group, final in _alike(here, goal) for step in _changes(group, final)]
    visits = _visits(inside, here.roles)
    opened = {name: _opened(schema, visits.get(name, set())) for name, schema in sorted(schemas.items())}
    return [
        *(step for name, schema in opened.items() for step in _changes([schemas[name]], schema)),
        *inside,
        *(step for schema in opened.values() for step in _changes([schema], goal[schema.key])),
        *_default_changes(here, wanted),
    ]


def _alike(here: Rights, goal: Mapping[Key, Owned]) -> Iterator[tuple[list[Owned], Owned]]:
    """Group objects in the schemas, or in none, by present and final rights, so that one GRANT names many."""
    changed = [
        (o, final)
        for o, final in ((o, goal[key]) for key, o in here.objects.items())
        if o.kind != "SCHEMA" and (o.owner, o.grants) != (final.owner, final.grants)
    ]
    groups: dict[tuple[object, ...], list[tuple[Owned, Owned]]] = {}
    # The parts of a relation come after it, because its new owner is theirs at once.
    for o, final in sorted(changed, key=lambda pair: (pair[0].part_of != "", pair[0].key)):
        alike = (o.part_of != "", o.kind, o.schema, o.owner, o.grants, final.owner, final.grants)
        groups.setdefault(alike, []).append((o, final))
    for pairs in groups.values():
        for start in range(0, len(pairs), AT_ONCE):
            yield [o for o, _ in pairs[start : start + AT_ONCE]], pairs[0][1]


def _visits(steps: list[_Step], roles: Mapping[str, Role]) -> dict[str, set[tuple[str, str]]]:
    """Return the rights that each schema's visitors need: to find an object, USAGE; to get one, CREATE."""
    superuser = any(role.is_us and role.superuser for role in roles.values())
    visits: dict[str, set[tuple[str, str]]] = {}
    for step in steps:
        needed = visits.setdefault(step.schema, set())
        if actor := _actor(step, roles):
            needed.add((actor, "USAGE"))
        if step.new_owner and not superuser:
            needed.add((step.new_owner, "CREATE"))
    return visits


def _opened(schema: Owned, visits: set[tuple[str, str]]) -> Owned:
    held = {g.right for g in schema.grants}
    added = (Grant(schema.owner, *visit, grantable=False) for visit in visits)
    return schema._replace(grants=schema.grants | {g for g in added if g.right not in held})


def _changes(alike: Sequence[Owned], wanted: Owned) -> Iterator[_Step]:
    """Yield the steps that give objects of one kind, schema, owner and grants the rights of `wanted`."""
    here = alike[0]
    if (here.owner, here.grants) == (wanted.owner, wanted.grants):
        return
    if here.owner != wanted.owner and here.kind != "EXTENSION" and not here.part_of:
        for each in alike:
            statement = giving(each, wanted.owner, f"{each.name} belongs to {wanted.owner} in prod")
            step = _Step(statement, (each.name,), here.schema, here.owner, by_owner=True, given=each)
            yield replace(step, new_owner=wanted.owner)
    names = tuple(each.name for each in alike)
    target = SQL("ON {} {}").format(SQL(here.kind), SQL(", ").join(SQL(each.target) for each in alike))
    present = handed_over(here.grants, here.owner, wanted.owner)
    for verb, grants in differences(present, wanted.grants, wanted.owner):
        yield _Step(
            Statement(written(verb, target, grants).as_string(), f"rights on {_some(names)} as in prod"),
            names,
            here.schema,
            grants[0].grantor,
            by_owner=grants[0].grantor == wanted.owner,
        )


def giving(each: Owned, owner: str, why: str) -> Statement:
    """Return the statement that gives an object to another owner."""
    query = SQL("ALTER {} {} OWNER TO {}").format(
        SQL(ALTER_AS.get(each.kind, each.kind)), SQL(each.target), Identifier(owner)
    )
    return Statement(query.as_string(), why)


def without_defaults(here: Rights, role: str) -> list[Statement]:
    """Return the statements that remove all default privileges from a role whose rights we have."""
    own = {key: default for key, default in here.defaults.items() if default.role == role}
    steps = _default_changes(replace(here, defaults=own), replace(here, defaults={}))
    return [step.statement for step in steps]


def owners(wanted: Rights, restored: Database, run_id: str, policy: Policy) -> dict[str, str]:
    """Return the future owner of each restored relation, `schema.name`.

    It is prod's if that is the policy, or ours.
    """
    with connect(restored, run_id) as session:
        here, us = capture(session, columns_of=wanted.with_column_grants), session.info.user
    goal = expected(*aligned(here, wanted)).values()
    keep = policy is Policy.KEEP
    return {unquoted(each.identity): each.owner if keep else us for each in goal if each.kind == "TABLE"}


def _default_changes(here: Rights, wanted: Rights) -> Iterator[_Step]:
    for key, (default, goal) in expected_defaults(here, wanted).items():
        present = here.defaults[key].grants if key in here.defaults else default.builtin
        place = SQL(" IN SCHEMA {}").format(SQL(default.schema)) if default.schema else SQL("")
        prefix = SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {}{} ").format(Identifier(default.role), place)
        target = SQL("ON {}").format(SQL(default.kind))
        for verb, grants in differences(present, goal, default.role):
            query = prefix + written(verb, target, grants)
            statement = Statement(query.as_string(), f"{default.name} as in prod")
            yield _Step(statement, (default.name,), "", default.role, by_owner=True)
