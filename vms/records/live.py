"""The state of a live picture."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LiveState(StrEnum):
    """What a tile must say about a channel's picture.

    to IDLE: nobody looks; to CONNECTING: a viewer came, or a retry began; to LIVE: a key frame
    arrived; to STALLED: no media for the stall time-out; to FAILED: an attempt ended without
    a picture (a retry may follow, see `retry_at`).
    """

    IDLE = "idle"
    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    FAILED = "failed"


class LiveStep(StrEnum):
    """Where on the way to the picture a connection is."""

    LOOKUP = "lookup"
    PORT = "port"
    INVITE = "invite"
    MEDIA = "media"
    KEY_FRAME = "key_frame"
    PLAYING = "playing"


class LiveReason(StrEnum):
    """Why there is no picture; each has a Chinese and an English text that says what to do."""

    CHANNEL_UNKNOWN = "channel_unknown"
    DEVICE_OFFLINE = "device_offline"
    DEVICE_UNREACHABLE = "device_unreachable"
    """No answer to the INVITE, or the connection to the device is gone."""
    INVITE_REFUSED = "invite_refused"
    """A final answer other than those below; `detail` holds status and phrase."""
    CHANNEL_NOT_FOUND = "channel_not_found_on_device"
    """404: the device does not know the channel."""
    DEVICE_BUSY = "device_busy"
    """486: the device sends as many streams as it can."""
    TRANSPORT_REFUSED = "transport_refused"
    """488 and 415: the device does not accept the offered way of media."""
    BAD_ANSWER = "bad_answer"
    """200 without an SDP that can be used."""
    PORTS_EXHAUSTED = "ports_exhausted"
    RELAY_UNREACHABLE = "relay_unreachable"
    """No relay node answers, or the one that received the picture is lost; `detail` says which."""
    NO_MEDIA = "no_media"
    """The device accepted and then sent nothing for ten seconds."""
    NO_KEY_FRAME = "no_key_frame"
    """Media arrives, but nothing in it can be shown."""
    UNPLAYABLE = "unplayable"
    """The picture runs, but the asked-for output cannot carry its codec."""
    STALLED = "media_stalled"
    """The picture ran and then stopped for the stall time-out."""
    DEVICE_ENDED = "device_ended"
    """The device ended the stream itself (BYE)."""
    MEDIA_REFUSED = "media_refused"
    """The media connection could not be made, or the relay refused the stream."""
    STOPPED = "stopped"
    """The platform ended it: shutdown, or the channel was removed."""


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """The truth about one channel's live picture at one moment."""

    code: str
    state: LiveState = LiveState.IDLE
    step: LiveStep | None = None
    reason: LiveReason | None = None
    detail: str = ""
    """Facts for the technician, e.g. `486 Busy Here`; not translated."""
    verdict: str = ""
    """The stream doctor's `Cause` when the picture fails or suffers."""
    transport: str = ""
    """`udp`, `tcp-passive` or `tcp-active`; empty while idle."""
    codec: str = ""
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    audio_codec: str = ""
    bitrate_bps: int = 0
    viewers: int = 0
    received: int = 0
    lost: int = 0
    reordered: int = 0
    since: datetime | None = None
    """When it entered the state."""
    retry_at: datetime | None = None
    """When the next attempt begins, while FAILED with viewers waiting."""
