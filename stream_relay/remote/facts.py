"""A JSON object that is not believed before it has been looked at. Sans-IO."""

import json
from typing import Any, cast, get_args

from stream_relay.errors import RelayError
from stream_relay.receiver import Transport

LONGEST_TEXT = 300
BIGGEST = 2**63 - 1
MAX_SECONDS = 1e9
MAX_NUMBERS = 20_000
TRANSPORTS = get_args(Transport)


class RelayProtocolError(RelayError):
    """The other side does not speak this protocol, or another version of it."""


class Facts:
    """One JSON object that is not believed yet."""

    def __init__(self, data: bytes) -> None:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise RelayProtocolError("not JSON") from error
        if not isinstance(found, dict):
            raise RelayProtocolError("not an object")
        self._found: dict[str, Any] = found

    def text(self, name: str, longest: int = LONGEST_TEXT) -> str:
        """A text of bounded length."""
        value = self._found.get(name)
        if not isinstance(value, str) or len(value) > longest:
            raise RelayProtocolError(f"{name}: not a text of {longest} characters at most")
        return value

    def number(self, name: str, highest: int = BIGGEST) -> int:
        """A whole number from 0 on."""
        return _whole(name, self._found.get(name), highest)

    def seconds(self, name: str) -> float:
        """A duration."""
        value = self._found.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= cast(float, value) <= MAX_SECONDS:
            raise RelayProtocolError(f"{name}: not a duration")
        return float(cast(float, value))

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._found.get(name)
        if not isinstance(value, bool):
            raise RelayProtocolError(f"{name}: neither true nor false")
        return value

    def numbers(self, name: str) -> frozenset[int]:
        """A set of whole numbers."""
        value = self._found.get(name)
        if not isinstance(value, list) or len(value) > MAX_NUMBERS:
            raise RelayProtocolError(f"{name}: not a list of {MAX_NUMBERS} numbers at most")
        return frozenset(_whole(name, each, BIGGEST) for each in value)

    def peer(self, name: str) -> tuple[str, int]:
        """Address and port."""
        value = self._found.get(name)
        if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
            raise RelayProtocolError(f"{name}: not an address and a port")
        return value[0][:LONGEST_TEXT], _whole(name, value[1], 65_535)

    def transport(self) -> Transport:
        """One of the ways of media."""
        value = self.text("transport")
        if value not in TRANSPORTS:
            raise RelayProtocolError("transport: not a way of media")
        return cast(Transport, value)

    def has(self, name: str) -> bool:
        """Whether there is a value, null not counted."""
        return self._found.get(name) is not None


def _whole(name: str, value: object, highest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
        raise RelayProtocolError(f"{name}: not a whole number up to {highest}")
    return value
