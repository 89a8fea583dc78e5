"""What the relay says upward about its streams: facts, frozen, named by stream id.

The relay never decides what follows from them (BYE, alarm, another INVITE): its owner does.
"""

from dataclasses import dataclass
from enum import StrEnum

from stream_relay.access_unit import Track


class EndReason(StrEnum):
    """Why a stream is over; readers get it in `StreamClosed.reason`.

    to CLOSED: because the owner closed the receiver.
    to NO_MEDIA: because no acceptable packet came within `first_packet_timeout_s`.
    to SOURCE_LOST: because a TCP source could not be reached, `connect_attempts` times.
    to SSRC_TAKEN: because the answer names the SSRC of another stream at the shared port.
    to STOPPED: because the relay is going down.
    to RELAY_LOST: because the relay of another process or machine is not reached any more.
    """

    CLOSED = "closed"
    NO_MEDIA = "no_media"
    SOURCE_LOST = "source_lost"
    SSRC_TAKEN = "ssrc_taken"
    STOPPED = "stopped"
    RELAY_LOST = "relay_lost"


@dataclass(frozen=True, slots=True)
class FirstPacket:
    """A source passed probation and is locked."""

    stream_id: str
    peer: tuple[str, int]
    """Address and port the media come from."""
    ssrc: int
    """The SSRC that really arrives (devices may ignore the one they were told)."""


@dataclass(frozen=True, slots=True)
class TracksChanged:
    """The tracks are known, or a codec or parameter set changed in mid-stream."""

    stream_id: str
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class FirstKeyFrame:
    """The first picture that can be decoded by itself was published."""

    stream_id: str
    after_s: float
    """Seconds since the receiver was opened."""


@dataclass(frozen=True, slots=True)
class StreamStalled:
    """The locked source has been silent for `stall_timeout_s`; the receiver stays open.

    GB/T 28181-2022 annex K: the owner releases the link and sends BYE.
    """

    stream_id: str
    silent_s: float


@dataclass(frozen=True, slots=True)
class StreamResumed:
    """Packets arrive again after `StreamStalled`."""

    stream_id: str
    silent_s: float


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """The stream is closed, its readers are told, its port is in quarantine."""

    stream_id: str
    reason: EndReason


@dataclass(frozen=True, slots=True)
class SourceRejected:
    """Somebody else sends to the stream's port; told once a second per peer at most."""

    stream_id: str
    peer: tuple[str, int]
    count: int
    """Packets of this peer that were dropped so far."""


StreamEvent = (
    FirstPacket
    | TracksChanged
    | FirstKeyFrame
    | StreamStalled
    | StreamResumed
    | StreamEnded
    | SourceRejected
)
