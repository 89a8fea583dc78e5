"""What passed on the wire between us and one device or platform, as pages and as a capture file.

Messages are those that signalling remembers (`sip.trace`): the latest of each peer, in memory, gone
with a restart. Whatever leaves here is masked.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol

from sip.traces import Excerpt, Route, TracedMessage
from vms.errors import Invalid

KEEPALIVE = "Keepalive"
LONGEST_CAPTURE = 10_000
"""Messages of one file."""


class Tracing(Protocol):
    """The part of `sip.server.SipServer` that remembers messages."""

    def of(self, peer_id: str, routes: Iterable[Route] = ()) -> Excerpt:
        """What passed between us and a device or platform."""

    def at(self, host: str, port: int | None = None) -> Excerpt:
        """What passed between us and an address."""


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """Which messages are wanted; what is empty does not restrict."""

    after: int = 0
    """Newer than the message of this number: what is new for somebody who follows."""
    before: int = 0
    """Older than this one."""
    limit: int = 200
    method: str = ""
    call_id: str = ""
    about: str = ""
    """The code of the channel or device that a dialogue concerns."""
    text: str = ""
    """In the masked message, whatever the case."""
    keepalives: bool = True

    def fits(self, message: TracedMessage) -> bool:
        """Whether a message is wanted, page apart."""
        return (
            self.method in ("", message.method)
            and self.call_id in ("", message.call_id)
            and self.about in ("", message.about)
            and (self.keepalives or message.command != KEEPALIVE)
            and (not self.text or self.text.lower() in message.text.lower())
        )


@dataclass(frozen=True, slots=True)
class TracePage:
    """Messages, oldest first."""

    messages: tuple[TracedMessage, ...]
    cursor: int
    """Number of the last message looked at: `after` for the next page of who follows."""
    has_more: bool
    """Others that fit are left out: newer ones with `after`, else older ones."""
    own: tuple[str, int]
    """Our address."""


class SignallingTraceService:
    """Shows the trace of the signalling plane."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    async def of(self, peer_id: str, wanted: TraceFilter) -> TracePage:
        """Messages of a device or platform, wherever it sent from."""
        return await _page(self._tracing.of(peer_id), wanted)

    async def at(self, address: str, wanted: TraceFilter) -> TracePage:
        """Messages of an address, `host` or `host:port`; raises Invalid."""
        return await _page(self._tracing.at(*parse_address(address)), wanted)

    async def capture_of(self, peer_id: str, wanted: TraceFilter) -> bytes:
        """The pcap file of a device or platform."""
        return await asyncio.to_thread(_capture, self._tracing.of(peer_id), wanted)

    async def capture_at(self, address: str, wanted: TraceFilter) -> bytes:
        """The pcap file of an address; raises Invalid."""
        excerpt = self._tracing.at(*parse_address(address))
        return await asyncio.to_thread(_capture, excerpt, wanted)


def parse_address(text: str) -> tuple[str, int | None]:
    """Read `10.1.2.3`, `10.1.2.3:5060`, `2001:db8::1` or `[2001:db8::1]:5060`; raises Invalid."""
    host, port = text.strip(), ""
    if host.startswith("["):
        host, end, port = host[1:].partition("]")
        port = port.removeprefix(":") if end else "?"
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    try:
        found = str(ip_address(host))
        number = int(port) if port else None
    except ValueError as error:
        raise Invalid("address", "bad_address") from error
    if number is not None and not 0 < number < 65_536:
        raise Invalid("address", "bad_address")
    return found, number


async def _page(excerpt: Excerpt, wanted: TraceFilter) -> TracePage:
    """Read outside the loop: a thousand messages take some hundredths of a second."""
    return await asyncio.to_thread(_read, excerpt, wanted)


def _read(excerpt: Excerpt, wanted: TraceFilter) -> TracePage:
    found = list(_fitting(excerpt, wanted))
    shown = found[: wanted.limit] if wanted.after else found[-wanted.limit :]
    has_more = len(shown) < len(found)
    if wanted.after and has_more:
        cursor = shown[-1].number
    else:
        cursor = max((entry.number for entry in excerpt.entries), default=wanted.after)
    return TracePage(tuple(shown), cursor, has_more, excerpt.own)


def _capture(excerpt: Excerpt, wanted: TraceFilter) -> bytes:
    return excerpt.capture(list(_fitting(excerpt, wanted))[-LONGEST_CAPTURE:])


def _fitting(excerpt: Excerpt, wanted: TraceFilter) -> Iterator[TracedMessage]:
    for message in excerpt.messages():
        is_in_time = message.number > wanted.after and (
            not wanted.before or message.number < wanted.before
        )
        if is_in_time and wanted.fits(message):
            yield message
