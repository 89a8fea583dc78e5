"""The quirk table as people see and edit it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QuirkView:
    """One row; the texts are those of `sip.gb28181.quirks.QuirkRow`."""

    maker: str
    model: str
    firmware_from: str
    firmware_to: str
    quirk: str
    value: str
    evidence: str
    builtin: bool = False
    """Comes with the product; rows of one's own win over it."""
