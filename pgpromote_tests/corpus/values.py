"""Values for the rows of a corpus: SQL expressions over `n`, the number of a row."""

NULL_EVERY = 7
# By type without its modifier. Deterministic, so that a failure can be looked at again.
VALUES = {
    "bigint": "n * 1000003",
    "boolean": "n % 3 = 0",
    "bytea": "decode(md5({label} || n), 'hex')",
    "character varying": "{label} || ' ' || n",
    "character varying[]": "ARRAY[{label}, 'Ü' || n]::character varying[]",
    "date": "date '2019-02-28' + n",
    "double precision": "n / 7.0::double precision",
    "inet": "('10.0.' || n % 250 || '.' || (n * 7) % 250)::inet",
    "integer": "n * 3",
    "interval": "n * interval '1 hour 7 seconds'",
    "jsonb": "jsonb_build_object({label}, n, 'tags', jsonb_build_array('a', n % 5, NULL))",
    "numeric": "n * 1.25",
    "smallint": "n % 300",
    "text": "{label} || E'\\t\\\\ \"' || n || E'\\n'",
    "text[]": "ARRAY[{label}, NULL, n::text]",
    "time without time zone": "time '00:00' + n * interval '97 seconds'",
    "timestamp without time zone": "timestamp '2019-03-31 01:59:59.123456' + n * interval '7 hours'",
    "timestamp with time zone": "timestamptz '2019-03-31 01:59:59.5+00' + n * interval '7 hours'",
    "tsvector": "to_tsvector('simple', {label} || ' ' || n)",
    "uuid": "md5({label} || n)::uuid",
}


def value(type_name: str, label: str, *, nullable: bool = False) -> str:
    """Return the value of a column in row `n`; nullable ones are NULL now and then."""
    base = type_name.partition("(")[0].strip() + ("[]" if type_name.endswith(")[]") else "")
    zone = " with time zone" if type_name.endswith(" with time zone") else " without time zone"
    base = base + zone if base == "timestamp" else base
    expression = VALUES[base].format(label=f"'{label}'")
    return f"CASE WHEN n % {NULL_EVERY} <> 3 THEN {expression} END" if nullable else expression


def insert(table: str, columns: dict[str, str], rows: int) -> str:
    """Compose an INSERT of so many rows."""
    names = ", ".join(f'"{name}"' for name in columns)
    return (
        f"INSERT INTO {table} ({names}) SELECT {', '.join(columns.values())} "
        f"FROM generate_series(1, {rows}) AS n;"
    )
