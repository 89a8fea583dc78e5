"""Questions and commands that go through us: from an upper platform to a device, and back.

The names inside are changed both ways, the SN is ours below and theirs above, and what only one of
the two editions knows is written as the other reads it (GB/T 28181-2022 annex A, 2016 annex A).
"""

from collections.abc import Callable

from sip.gb28181.alarm import join_methods, split_methods
from sip.gb28181.manscdp import Envelope, Field, Root, build_envelope, escape, parse_number
from sip.gb28181.question import Question
from sip.gb28181.xml import Element

HEAD = frozenset({"cmdtype", "sn", "deviceid"})
ID_NAMES = frozenset({"deviceid", "deviceid2", "recorderid", "recordlocation"})
"""Elements that name somebody."""
MOST_ANSWERS = 64
"""Messages of one answer; a configuration has one for each of its dozen types."""
ONLY_2022_INSIDE = frozenset({"streamnumber", "ptzcmdparams"})
"""Children that a device of 2016 does not have."""

Rename = Callable[[str], str]


class Answers:
    """The messages of one answer as they came (a collection of `sip.gb28181.question`)."""

    def __init__(self, wanted: frozenset[str] = frozenset()) -> None:
        self._wanted = wanted
        """Elements that all have to come, in lower case: those of a ConfigDownload."""
        self._found: list[Envelope] = []

    @property
    def packets(self) -> int:
        """How many came."""
        return len(self._found)

    @property
    def is_complete(self) -> bool:
        """Whether the promised number of items, or every wanted element, has come."""
        if not self._found:
            return False
        if self._wanted:
            seen = {child.name.lower() for each in self._found for child in each.body.children}
            is_refused = any(_is_refusal(each) for each in self._found)
            return is_refused or self._wanted <= {*seen, *map(_alias, seen)}
        promised = parse_number(self._found[-1].body.value("SumNum"))
        return promised is None or sum(map(_items, self._found)) >= promised

    def add(self, envelope: Envelope) -> None:
        """Take one message."""
        if len(self._found) < MOST_ANSWERS:
            self._found.append(envelope)

    def result(self) -> tuple[Envelope, ...]:
        """Return all of them."""
        return tuple(self._found)


def _alias(name: str) -> str:
    """The printed 2022 answer names the configuration of pictures otherwise than its question."""
    return "snapshotconfig" if name == "snapshot" else name


def _is_refusal(envelope: Envelope) -> bool:
    return envelope.body.value("Result", "OK").upper() != "OK"


def _items(envelope: Envelope) -> int:
    return sum(
        len(child.children)
        for child in envelope.body.children
        if "num" in map(str.lower, child.attributes)
    )


def pass_down(
    envelope: Envelope,
    target_id: str,
    rename: Rename,
    *,
    is_answered: bool = True,
    is_2022: bool = True,
) -> Question[tuple[Envelope, ...]]:
    """Make the question to a device out of an upper platform's message.

    `rename` turns the upper's codes into ours, `is_2022` is the edition of the device.
    """
    fields = inner_fields(envelope.body, rename, is_2022=is_2022)
    wanted = frozenset[str]()
    if envelope.command == "ConfigDownload":
        types = envelope.body.value("ConfigType").lower().split("/")
        wanted = frozenset(each.strip() for each in types if each.strip())
    collect = (lambda: Answers(wanted)) if is_answered else None
    return Question(envelope.command, collect, envelope.root, target_id, tuple(fields))


def pass_up(envelope: Envelope, sn: int, target_id: str, rename: Rename, charset: str) -> bytes:
    """Write a device's answer for the upper platform: its SN, its codes."""
    fields = inner_fields(envelope.body, rename)
    return build_envelope(Root.RESPONSE, envelope.command, sn, target_id, fields, charset=charset)


def refusal(envelope: Envelope, charset: str) -> bytes:
    """Write the answer `Result ERROR` to what an upper platform asked."""
    return build_envelope(
        Root.RESPONSE,
        envelope.command,
        envelope.sn,
        envelope.device_id,
        [("Result", "ERROR")],
        charset=charset,
    )


def inner_fields(body: Element, rename: Rename, *, is_2022: bool = True) -> list[Field]:
    """What stands in a message after its head."""
    children = [child for child in body.children if child.name.lower() not in HEAD]
    return [_field(child, rename, is_2022=is_2022) for child in children if _fits(child, is_2022)]


def _fits(element: Element, is_2022: bool) -> bool:
    return is_2022 or element.name.lower() not in ONLY_2022_INSIDE


def _field(element: Element, rename: Rename, *, is_2022: bool) -> Field:
    words = [f'{name}="{escape(text)}"' for name, text in element.attributes.items()]
    name = " ".join([element.name, *words])
    if element.children:
        inner = [child for child in element.children if _fits(child, is_2022)]
        return name, [_field(child, rename, is_2022=is_2022) for child in inner]
    text = element.text
    if element.name.lower() in ID_NAMES:
        text = rename(text)
    elif element.name.lower() == "alarmmethod":
        text = join_methods(split_methods(text), is_2022=is_2022) if text != "0" else text
    return name, text
