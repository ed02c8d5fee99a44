"""Frozen dataclasses as JSON, and from JSON that anybody may have written.

Each value has its type, or none is taken, as with pydantic when it is strict: to load that, and to build its
schema, takes as long as a dump.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Value = TypeVar("Value")


def read(kind: type[Value], content: bytes) -> Value:
    """Return a dataclass from JSON in UTF-8; fields that it does not know are left out.

    Its fields are texts, numbers, enums, dataclasses, and lists, tuples, mappings or None of these. Raises
    ValueError for anything else, and for a field without a default that is missing.
    """
    try:
        made: Value = _of(kind, json.loads(content.decode(), parse_constant=_refuse))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return made


def written(record: "DataclassInstance", encode: Callable[[object], str]) -> Iterator[str]:
    """Yield a dataclass as JSON in pieces: a line for each field, and for each item of a list or mapping.

    `encode` returns a value as JSON. With `indent`, json encodes in Python, which takes ten times as long.
    """
    opening = "{"
    for name, value in ((each.name, getattr(record, each.name)) for each in fields(record)):
        yield f'{opening}\n  "{name}": '
        opening = ","
        if isinstance(value, dict):
            yield from _lines("{}", (f"{encode(key)}: {encode(each)}" for key, each in value.items()))
        elif isinstance(value, list | tuple):
            yield from _lines("[]", map(encode, value))
        else:
            yield encode(value)
    yield "\n}\n"


def _lines(brackets: str, items: Iterable[str]) -> Iterator[str]:
    yield brackets[0]
    yield from (f"{',' if n else ''}\n    {item}" for n, item in enumerate(items))
    yield brackets[1]


def _of(kind: Any, found: Any) -> Any:
    if is_dataclass(kind):
        return _record(kind, found)
    shape, parts = get_origin(kind), get_args(kind)
    if shape is UnionType:
        return None if found is None else _of(next(each for each in parts if each is not NoneType), found)
    if shape is dict:
        return {_plain(str, name): _of(parts[1], each) for name, each in _typed(dict, found).items()}
    if shape in {list, tuple}:
        return shape(_of(parts[0], each) for each in _typed(list, found))
    if issubclass(kind, Enum):
        return kind(found)
    return _plain(kind, found)


def _record(kind: Any, found: Any) -> Any:
    given, shapes = _typed(dict, found), _shapes(kind)
    values = {name: _of(shape, given[name]) for name, shape in shapes.items() if name in given}
    try:
        return kind(**values)
    except TypeError:
        raise ValueError(f"a field of {kind.__name__} is missing") from None


@cache
def _shapes(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _plain(kind: type, found: Any) -> Any:
    if kind is float and type(found) is int:
        return float(found)
    value = _typed(kind, found)
    if kind is str and not value.isascii():
        value.encode()  # a part of a character is no text
    if kind is float and not math.isfinite(value):
        raise ValueError("no number")
    return value


def _typed(kind: type, found: Any) -> Any:
    if type(found) is not kind:  # a bool is no number
        raise ValueError(f"{type(found).__name__} instead of {kind.__name__}")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)
