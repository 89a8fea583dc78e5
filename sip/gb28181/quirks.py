"""What makers do differently, one entry per maker; no other module names one.

A maker is recognised by the User-Agent of REGISTER or the Manufacturer of DeviceInfo. Each entry
says where the knowledge comes from; an entry without a capture of our own says so.
"""

from dataclasses import dataclass

from sip.message.sdp import StreamChoice


@dataclass(frozen=True, slots=True)
class Quirks:
    """How to speak to one maker's devices."""

    maker: str
    stream_attribute: tuple[str, str] | None
    """a= values that choose main and sub stream; None leaves the choice out."""


STANDARD = Quirks("", ("streamnumber:0", "streamnumber:1"))
"""GB/T 28181-2022 annex G."""

_MAKERS: tuple[tuple[tuple[str, ...], Quirks], ...] = (
    # Offered as such by WVP's user interface; no capture of our own yet.
    (("hikvision", "hik", "ip camera"), Quirks("hikvision", ("stream:0", "stream:1"))),
    (("dahua", "dh-"), Quirks("dahua", ("streamprofile:0", "streamprofile:1"))),
    (("tp-link", "tplink", "mercury"), Quirks("tp-link", ("streamMode:MAIN", "streamMode:SUB"))),
)


def quirks_of(*hints: str) -> Quirks:
    """Find the entry by any hint: User-Agent, manufacturer, model."""
    text = " ".join(hints).lower()
    for words, quirks in _MAKERS:
        if any(word in text for word in words):
            return quirks
    return STANDARD


def stream_attribute(quirks: Quirks, stream: StreamChoice) -> str | None:
    """The a= value for a sub stream; main is what every device sends without being asked."""
    if stream == "main" or quirks.stream_attribute is None:
        return None
    return quirks.stream_attribute[1]
