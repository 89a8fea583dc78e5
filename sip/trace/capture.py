"""Traced messages as parcels of a capture file; what is in them is masked."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from sip.trace.pcap import Address, Parcel, build_capture
from sip.trace.view import TracedMessage

UNKNOWN_HOST = "192.0.2.1"
"""Stands for a host that we know by name only (RFC 5737)."""
LEFT_OUT = b"<!-- %d octets are not kept -->"

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"(?i)((?:(?<=[\r\n])|\A)(?:content-length|l)[ \t]*:[ \t]*)[0-9]{1,9}")


def capture(messages: Iterable[TracedMessage], own: Address) -> bytes:
    """Return a pcap file of messages between us, at `own`, and their peers."""
    return build_capture(_parcels(messages, (_host(own[0]), own[1])))


def _parcels(messages: Iterable[TracedMessage], own: Address) -> Iterator[Parcel]:
    for message in messages:
        peer = (_host(message.host), message.port)
        source, target = (own, peer) if message.is_sent else (peer, own)
        data = _shortened(message) if message.is_cut else message.octets
        yield Parcel(message.at.timestamp(), message.transport, source, target, data)


def _shortened(message: TracedMessage) -> bytes:
    """A message whose end is missing, with a body that says so and a length that is right."""
    end = _HEAD_END.search(message.octets)
    if end is None:
        return message.octets
    note = LEFT_OUT % (message.size_bytes - end.end())
    head = _LENGTH.sub(lambda length: length[1] + b"%d" % len(note), message.octets[: end.start()])
    return head + end[0] + note


def _host(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        return UNKNOWN_HOST
