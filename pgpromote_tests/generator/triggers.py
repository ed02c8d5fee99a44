"""Triggers and their functions, event triggers, policies and row security."""

from pgpromote_tests.generator import expressions
from pgpromote_tests.generator.names import quote
from pgpromote_tests.generator.world import Relation, World

STATES = ("DISABLE", "ENABLE REPLICA", "ENABLE ALWAYS", "DISABLE")
COMMANDS = ("ALL", "SELECT", "INSERT", "UPDATE", "DELETE")


def _function(world: World, returns: str = "trigger") -> str:
    made = world.new("trigger_function").sql
    body = "BEGIN RETURN NEW; END" if returns == "trigger" else "BEGIN END"
    world.say(
        "FUNCTION", f"CREATE FUNCTION {made}() RETURNS {returns} LANGUAGE plpgsql AS $body$ {body} $body$"
    )
    return made


def _when(world: World, relation: Relation, event: str) -> str:
    if event == "TRUNCATE" or not world.chance(0.4):
        return ""
    prefix = {"INSERT": "NEW.", "DELETE": "OLD."}.get(event, world.one(("NEW.", "OLD.")))
    return f" WHEN ({expressions.condition(world, relation, prefix)})"


def trigger(world: World) -> None:
    """Make a trigger: with columns, condition, arguments, transition tables, or for a constraint."""
    if not (found := world.tables("rplv")):
        return
    relation, function, label = world.one(found), _function(world), world.label("trigger")
    event = world.one(("INSERT", "UPDATE", "DELETE", "TRUNCATE"))
    per = "STATEMENT" if event == "TRUNCATE" or world.chance(0.3) else "ROW"
    if relation.kind == "v":
        moment, per = "INSTEAD OF", "ROW"
    else:
        moment = world.one(("BEFORE", "AFTER"))
    columns = f" OF {world.one(relation.columns).sql}" if event == "UPDATE" and world.chance(0.3) else ""
    arguments = world.one(("", "", "'a', 'it''s', '\\'", "1"))
    when = "" if per == "STATEMENT" or relation.kind == "v" else _when(world, relation, event)
    constraint, extra = "", ""
    if (
        moment == "AFTER"
        and per == "ROW"
        and relation.kind == "r"
        and event != "TRUNCATE"
        and world.chance(0.4)
    ):
        constraint, extra = (
            "CONSTRAINT ",
            world.one((" DEFERRABLE INITIALLY DEFERRED", " NOT DEFERRABLE", " DEFERRABLE")),
        )
    elif moment == "AFTER" and per == "STATEMENT" and event in ("INSERT", "UPDATE") and not columns:
        extra = world.one(("", f" REFERENCING NEW TABLE AS {world.label('fresh')}"))
    world.say(
        "TRIGGER",
        f"CREATE {constraint}TRIGGER {label} {moment} {event}{columns} ON {relation.sql}{extra} "
        f"FOR EACH {per}{when} EXECUTE FUNCTION {function}({arguments})",
        f"TRIGGER {label} ON {relation.sql}",
    )
    if relation.kind != "v" and world.chance(0.3):
        target = world.one(world.tables("l")) if relation.kind == "p" and world.tables("l") else relation
        only = world.one(("", "ONLY ")) if relation.kind == "p" else ""
        world.say("TRIGGER", f"ALTER TABLE {only}{target.sql} {world.one(STATES)} TRIGGER {label}")


def all_triggers(world: World) -> None:
    """Turn a table's triggers off: all with those of its constraints, or a person's alone."""
    if found := world.tables():
        world.say(
            "TRIGGER", f"ALTER TABLE {world.one(found).sql} DISABLE TRIGGER {world.one(('USER', 'ALL'))}"
        )


def event_trigger(world: World) -> None:
    """Make an event trigger that does nothing."""
    function, label = _function(world, "event_trigger"), world.label("event")
    event, tags = world.one(("ddl_command_end", "sql_drop", "table_rewrite")), ""
    if event == "ddl_command_end" and world.chance(0.5):
        tags = " WHEN TAG IN ('CREATE TABLE', 'DROP TABLE')"
    world.say("EVENT TRIGGER", f"CREATE EVENT TRIGGER {label} ON {event}{tags} EXECUTE FUNCTION {function}()")
    if world.chance(0.3):
        world.say("EVENT TRIGGER", f"ALTER EVENT TRIGGER {label} {world.one(STATES)}")


def policy(world: World) -> None:
    """Make a policy, and switch row security on, by force now and then."""
    if not (found := world.tables()):
        return
    relation, label, command = world.one(found), world.label("policy"), world.one(COMMANDS)
    using = f" USING ({expressions.condition(world, relation)})" if command != "INSERT" else ""
    check = (
        f" WITH CHECK ({expressions.condition(world, relation)})"
        if command not in ("SELECT", "DELETE")
        else ""
    )
    kind, role = world.one(("PERMISSIVE", "RESTRICTIVE")), world.one(("PUBLIC", "PUBLIC", quote("postgres")))
    world.say(
        "POLICY",
        f"CREATE POLICY {label} ON {relation.sql} AS {kind} FOR {command} TO {role}{using}{check}",
        f"POLICY {label} ON {relation.sql}",
    )
    if world.chance(0.6):
        world.say("ROW SECURITY", f"ALTER TABLE {relation.sql} ENABLE ROW LEVEL SECURITY")
    if world.chance(0.2):
        world.say("ROW SECURITY", f"ALTER TABLE {relation.sql} FORCE ROW LEVEL SECURITY")


MAKERS = {
    "trigger": trigger,
    "all_triggers": all_triggers,
    "event_trigger": event_trigger,
    "policy": policy,
}
