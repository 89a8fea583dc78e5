"""The 20-digit national code and the civil codes in front of it (GB/T 28181-2022 annex E).

Owns how a code is read, checked, taken apart and shown. Both editions have the same layout: centre
8 (a civil code), industry 2, type 3, network 1, serial 6. A code is text from end to end: twenty
digits do not fit 64 bits, and leading zeros count.
"""

import re
from typing import Self

from channel_registry.code_table import (
    INDUSTRY_NAMES,
    NETWORK_NAMES,
    NO_PICTURE_TYPES,
    TYPE_NAMES,
    CodeKind,
    kind_of_type,
)
from channel_registry.errors import InvalidCode

__all__ = [
    "ChannelCode",
    "CodeKind",
    "civil_parents",
    "is_civil_code",
    "is_rule_b",
    "parse_civil_code",
    "without_picture",
]

CODE_LENGTH = 20
_CIVIL = re.compile(r"(?:[0-9]{2}){1,4}", re.ASCII)
_RULE_B = re.compile(r"[0-9]{16}|[0-9]{18}", re.ASCII)


class ChannelCode(str):
    """A valid 20-digit code; text that can be nothing else, equal to the same plain text.

    Immutable. Any 20 ASCII digits are valid: unknown types, industries and regions are kept,
    because the tables grow and makers extend them.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check and wrap; raises `InvalidCode` with the offset of the first wrong character."""
        if len(text) != CODE_LENGTH or not (text.isascii() and text.isdigit()):
            raise InvalidCode(text, "20 digits", _first_wrong(text))
        return super().__new__(cls, text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a code, tolerating blanks around it; raises `InvalidCode`."""
        return cls(text.strip(" \t\r\n"))

    @classmethod
    def build(
        cls, *, centre: str, type_number: int, serial: int, industry: str = "00", network: str = "0"
    ) -> Self:
        """Put a code together; a civil code shorter than 8 digits is filled with zeros."""
        parts = f"{centre:0<8}{industry}{type_number:03d}{network}{serial:06d}"
        return cls(parts)

    def __repr__(self) -> str:
        return f"ChannelCode({str(self)!r})"

    @property
    def centre(self) -> str:
        """Digits 1-8, unused lower levels as `00`."""
        return self[:8]

    @property
    def civil_code(self) -> str:
        """The civil code of the centre without its empty lower levels: 2, 4, 6 or 8 digits."""
        digits = self[:8]
        while len(digits) > 2 and digits.endswith("00"):
            digits = digits[:-2]
        return digits

    @property
    def civil_parents(self) -> tuple[str, ...]:
        """The civil codes above `civil_code`, the nearest first."""
        return civil_parents(self.civil_code)

    @property
    def industry(self) -> str:
        """Digits 9-10; 41 is mining."""
        return self[8:10]

    @property
    def industry_names(self) -> tuple[str, str]:
        """Chinese name by the 2016 and by the 2022 edition; empty where reserved."""
        return INDUSTRY_NAMES.get(self.industry, ("", ""))

    @property
    def type(self) -> int:
        """Digits 11-13 as a number."""
        return int(self[10:13])

    @property
    def kind(self) -> CodeKind:
        """What the type stands for."""
        return kind_of_type(self.type)

    @property
    def type_names(self) -> tuple[str, str]:
        """Chinese and English name of the type; the number itself where the tables have none."""
        return TYPE_NAMES.get(self.type, (self[10:13], self[10:13]))

    @property
    def network(self) -> str:
        """Digit 14."""
        return self[13]

    @property
    def network_names(self) -> tuple[str, str]:
        """Chinese name by the 2016 and by the 2022 edition; empty where reserved."""
        return NETWORK_NAMES.get(self.network, ("", ""))

    @property
    def serial(self) -> str:
        """Digits 15-20."""
        return self[14:]

    @property
    def domain(self) -> str:
        """The SIP domain this code suggests: its first ten digits (both editions)."""
        return self[:10]

    @property
    def display(self) -> str:
        """In groups for people: `14040000 00 132 0 000001`."""
        return f"{self[:8]} {self[8:10]} {self[10:13]} {self[13]} {self[14:]}"

    @property
    def is_channel(self) -> bool:
        """A camera or another end of a device, unknown ones of that range included."""
        return self.kind is CodeKind.CHANNEL

    @property
    def is_device(self) -> bool:
        """A recorder, an encoder or another device with ends."""
        return self.kind is CodeKind.DEVICE


def parse_civil_code(text: str) -> str | None:
    """The civil code in a text, or none: sloppy senders write `null`, blanks or longer numbers."""
    digits = text.strip(" \t\r\n")
    return digits if is_civil_code(digits) else None


def is_civil_code(text: str) -> bool:
    """2, 4, 6 or 8 digits: province, city, county, basic unit; which of them exist is data."""
    return _CIVIL.fullmatch(text) is not None


def civil_parents(civil_code: str) -> tuple[str, ...]:
    """The codes above a civil code, found by dropping two digits, the nearest first."""
    return tuple(civil_code[:length] for length in range(len(civil_code) - 2, 0, -2))


def is_rule_b(text: str) -> bool:
    """A code of the withdrawn rule B (2016): 16 or 18 digits; never made, but stored as it is."""
    return _RULE_B.fullmatch(text) is not None


def without_picture(code: str) -> bool:
    """Whether a code's type is one that never sends a picture, such as a loudspeaker."""
    digits = len(code) == CODE_LENGTH and code.isascii() and code.isdigit()
    return digits and int(code[10:13]) in NO_PICTURE_TYPES


def _first_wrong(text: str) -> int:
    for offset, character in enumerate(text[:CODE_LENGTH]):
        if character not in "0123456789":
            return offset
    return min(len(text), CODE_LENGTH)
