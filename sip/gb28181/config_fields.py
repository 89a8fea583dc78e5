"""How the values of a configuration stand in XML: one declaration reads, writes and describes them.

A configuration type is a dataclass whose fields are declared by the functions below. What it does
not name is kept in `rest` and written back, so that a device loses nothing by our ignorance.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeVar, cast

from sip.errors import LocalProtocolError
from sip.gb28181.manscdp import Field, parse_float, parse_number
from sip.gb28181.xml import Element

LONGEST_TEXT = 1024
MOST_REST = 64
DEEPEST = 6


class BadConfig(LocalProtocolError):
    """A value that must not be sent; `field` is its dotted path, `reason` a code."""

    def __init__(self, name: str, reason: str, message: str = "") -> None:
        super().__init__(message or f"{name}: {reason}")
        self.field = name
        self.reason = reason


class Kind(StrEnum):
    """What a field holds."""

    TEXT = "text"
    NUMBER = "number"
    DECIMAL = "decimal"
    FLAG = "flag"
    GROUP = "group"
    LIST = "list"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Tree:
    """An element as it came, of a meaning nobody told us."""

    name: str
    text: str = ""
    children: tuple["Tree", ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """One field: its element, its bounds."""

    kind: Kind
    element: str
    """Empty: the text of the configuration's own element."""
    least: float = 0
    most: float = 0
    """Of a text or a list: how long it may be."""
    is_clamped: bool = False
    """A device's value outside the bounds is moved to the nearest (quirk of section 9)."""
    inner: "type[Block] | None" = None
    list_element: str = ""
    """Element around the items."""
    count_element: str = ""
    """Element that counts the items."""
    has_num: bool = False
    """The element around the items carries their number as the attribute Num."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Root of configurations and of their parts."""

    rest: tuple[Tree, ...] = field(default=(), metadata={"spec": Spec(Kind.REST, "")})


BlockT = TypeVar("BlockT", bound=Block)


def text(element: str, most: int = 256) -> Any:
    """A text of at most `most` characters, or None."""
    return field(default=None, metadata={"spec": Spec(Kind.TEXT, element, most=most)})


def number(element: str, least: int = 0, most: int = 2**31 - 1, *, is_clamped: bool = False) -> Any:
    """A whole number, or None."""
    spec = Spec(Kind.NUMBER, element, least, most, is_clamped)
    return field(default=None, metadata={"spec": spec})


def decimal(element: str, least: float, most: float) -> Any:
    """A number with a fraction, or None."""
    return field(default=None, metadata={"spec": Spec(Kind.DECIMAL, element, least, most)})


def flag(element: str) -> Any:
    """0 or 1, or None."""
    return field(default=None, metadata={"spec": Spec(Kind.FLAG, element, 0, 1)})


def group(element: str, inner: type[Block]) -> Any:
    """A part with fields of its own, or None."""
    return field(default=None, metadata={"spec": Spec(Kind.GROUP, element, inner=inner)})


def many(
    element: str,
    inner: type[Block],
    most: int,
    *,
    list_element: str = "",
    count_element: str = "",
    has_num: bool = False,
) -> Any:
    """Any number of equal parts up to `most`."""
    spec = Spec(Kind.LIST, element, 0, most, False, inner, list_element, count_element, has_num)
    return field(default=(), metadata={"spec": spec})


def specs(cls: type[Block]) -> list[tuple[str, Spec]]:
    """The fields of a type by name, `rest` last."""
    found = [(each.name, cast(Spec, each.metadata["spec"])) for each in fields(cls)]
    return sorted(found, key=lambda pair: pair[1].kind is Kind.REST)


# XML


def read_block(cls: type[BlockT], element: Element) -> BlockT:
    """Read a configuration; a value that cannot be read is None, what is unknown is in `rest`."""
    values: dict[str, Any] = {}
    known = set()
    for name, spec in specs(cls):
        if spec.kind is not Kind.REST:
            values[name] = _read(spec, element)
            known |= {spec.element.lower(), spec.list_element.lower(), spec.count_element.lower()}
    rest = [child for child in element.children if child.name.lower() not in known]
    values["rest"] = tuple(read_tree(child) for child in rest[:MOST_REST])
    return cls(**values)


def read_tree(element: Element, depth: int = DEEPEST) -> Tree:
    """Keep an element as it is."""
    children = element.children[:MOST_REST] if depth else []
    return Tree(
        element.name,
        element.text[:LONGEST_TEXT],
        tuple(read_tree(child, depth - 1) for child in children),
    )


def write_block(block: Block) -> "str | list[Field]":
    """Write the content of a configuration's element."""
    written: list[Field] = []
    for name, spec in specs(type(block)):
        value = getattr(block, name)
        if value is None:
            continue
        if not spec.element and spec.kind is not Kind.REST:
            return _write_value(spec, value)
        written += _write(spec, value)
    return written


def write_tree(tree: Tree) -> Field:
    """Write an element as it came."""
    return (tree.name, [write_tree(child) for child in tree.children] or tree.text)


def _read(spec: Spec, parent: Element) -> Any:
    if spec.kind is Kind.LIST:
        assert spec.inner is not None, "lists have parts"
        around = parent.child(spec.list_element) if spec.list_element else parent
        items = around.children if around is not None else []
        found = [child for child in items if child.name.lower() == spec.element.lower()]
        return tuple(read_block(spec.inner, child) for child in found[: int(spec.most)])
    element = parent.child(spec.element) if spec.element else parent
    if element is None:
        return None
    if spec.kind is Kind.GROUP:
        assert spec.inner is not None, "groups have fields"
        return read_block(spec.inner, element)
    return _read_value(spec, element.text)


def _read_value(spec: Spec, raw: str) -> Any:
    match spec.kind:
        case Kind.TEXT:
            return raw[:LONGEST_TEXT]
        case Kind.FLAG:
            return {"0": False, "1": True}.get(raw)
        case Kind.DECIMAL:
            return parse_float(raw)
        case _:
            value = parse_number(raw)
            if value is not None and spec.is_clamped:
                value = int(min(max(value, spec.least), spec.most))
            return value


def _write(spec: Spec, value: Any) -> list[Field]:
    match spec.kind:
        case Kind.REST:
            return [write_tree(tree) for tree in value]
        case Kind.GROUP:
            return [(spec.element, write_block(value))]
        case Kind.LIST:
            items: list[Field] = [(spec.element, write_block(item)) for item in value]
            written: list[Field] = []
            if spec.count_element:
                written.append((spec.count_element, str(len(items))))
            if spec.list_element:
                num = f' Num="{len(items)}"' if spec.has_num else ""
                return [*written, (spec.list_element + num, items)]
            return written + items
        case _:
            return [(spec.element, _write_value(spec, value))]


def _write_value(spec: Spec, value: Any) -> str:
    if spec.kind is Kind.FLAG:
        return "1" if value else "0"
    return f"{value:.6f}".rstrip("0").rstrip(".") if spec.kind is Kind.DECIMAL else str(value)


# Plain values, for interfaces of people and programs


def to_plain(block: Block) -> dict[str, Any]:
    """The values by name, parts as mappings, lists as lists."""
    plain: dict[str, Any] = {}
    for name, spec in specs(type(block)):
        value = getattr(block, name)
        match spec.kind:
            case Kind.GROUP:
                plain[name] = None if value is None else to_plain(value)
            case Kind.LIST:
                plain[name] = [to_plain(item) for item in value]
            case Kind.REST:
                plain[name] = [tree_to_plain(tree) for tree in value]
            case _:
                plain[name] = value
    return plain


def tree_to_plain(tree: Tree) -> dict[str, Any]:
    """An element as name, text and children."""
    children = [tree_to_plain(child) for child in tree.children]
    return {"name": tree.name, "text": tree.text, "children": children}


def from_plain(cls: type[BlockT], plain: Mapping[str, Any], path: str = "") -> BlockT:
    """Make a configuration of plain values; raises BadConfig that names the field."""
    declared = dict(specs(cls))
    for name in plain:
        if name not in declared:
            raise BadConfig(f"{path}{name}", "unknown")
    values = {
        name: _from_plain(declared[name], value, f"{path}{name}") for name, value in plain.items()
    }
    given = {
        name: value
        for name, value in values.items()
        if value is not None or declared[name].kind not in (Kind.LIST, Kind.REST)
    }
    return cls(**given)


def tree_from_plain(plain: object, path: str, depth: int = DEEPEST) -> Tree:
    """Make an element of name, text and children; raises BadConfig."""
    if not isinstance(plain, Mapping):
        raise BadConfig(path, "not_an_object")
    name, content = plain.get("name"), plain.get("text", "")
    children = plain.get("children", [])
    if not isinstance(name, str) or not (name.isascii() and name.isidentifier()) or len(name) > 64:
        raise BadConfig(f"{path}.name", "bad_name")
    if not isinstance(content, str) or len(content) > LONGEST_TEXT:
        raise BadConfig(f"{path}.text", "too_long")
    if not isinstance(children, list) or len(children) > MOST_REST or (children and not depth):
        raise BadConfig(f"{path}.children", "too_long")
    inner = tuple(
        tree_from_plain(child, f"{path}.children.{index}", depth - 1)
        for index, child in enumerate(children)
    )
    return Tree(name, content, inner)


def _from_plain(spec: Spec, value: Any, path: str) -> Any:
    if value is None:
        return None
    match spec.kind:
        case Kind.GROUP:
            assert spec.inner is not None, "groups have fields"
            if not isinstance(value, Mapping):
                raise BadConfig(path, "not_an_object")
            return from_plain(spec.inner, value, f"{path}.")
        case Kind.LIST | Kind.REST:
            return _list_from_plain(spec, value, path)
        case Kind.TEXT:
            if not isinstance(value, str):
                raise BadConfig(path, "not_text")
            if len(value) > spec.most:
                raise BadConfig(path, "too_long")
            return value
        case Kind.FLAG:
            if not isinstance(value, bool):
                raise BadConfig(path, "not_a_flag")
            return value
        case _:
            return _number_from_plain(spec, value, path)


def _list_from_plain(spec: Spec, value: object, path: str) -> Any:
    if not isinstance(value, Iterable) or isinstance(value, str | Mapping):
        raise BadConfig(path, "not_a_list")
    items = list(value)
    if len(items) > (MOST_REST if spec.kind is Kind.REST else spec.most):
        raise BadConfig(path, "too_long")
    if spec.inner is None:
        return tuple(tree_from_plain(item, f"{path}.{n}") for n, item in enumerate(items))
    for index, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise BadConfig(f"{path}.{index}", "not_an_object")
    return tuple(from_plain(spec.inner, item, f"{path}.{n}.") for n, item in enumerate(items))


def _number_from_plain(spec: Spec, value: object, path: str) -> Any:
    wanted = (int, float) if spec.kind is Kind.DECIMAL else (int,)
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise BadConfig(path, "not_a_number")
    if not spec.least <= cast(float, value) <= spec.most:
        raise BadConfig(path, "out_of_range", f"{path}: {spec.least:g} to {spec.most:g}")
    return value
