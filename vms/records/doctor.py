"""What the stream doctor says: a ladder of steps, one verdict, and what was tried."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Rung(StrEnum):
    """The steps from a channel's code to a picture on a screen, in the order they are taken."""

    DEVICE = "device"
    CHANNEL = "channel"
    PLATFORM = "platform"
    SIP = "sip"
    SDP = "sdp"
    CONNECTION = "connection"
    PACKETS = "packets"
    SSRC = "ssrc"
    CONTAINER = "container"
    CODEC = "codec"
    KEY_FRAME = "key_frame"
    FLOW = "flow"
    VIEWER = "viewer"


class Mark(StrEnum):
    """How a step went."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It was not reached, or nothing could be seen of it."""


class Grade(StrEnum):
    """How bad a verdict is."""

    FAILED = "failed"
    """No picture."""
    POOR = "poor"
    """A picture, and it suffers."""
    REMARK = "remark"
    """The picture is fine; the device does something unusual."""
    FINE = "fine"
    OPEN = "open"
    """Nothing can be said yet."""


class Cause(StrEnum):
    """Every verdict there is; each has a title and a hint in both languages (`web.words`)."""

    NOT_EXAMINED = "not_examined"
    EXAMINING = "examining"

    CHANNEL_UNKNOWN = "channel_unknown"
    DEVICE_OFFLINE = "device_offline"
    CHANNEL_OFF = "channel_off"
    PORTS_EXHAUSTED = "ports_exhausted"
    RELAY_UNREACHABLE = "relay_unreachable"
    PLATFORM_BUSY = "platform_busy"
    PLATFORM_STOPPED = "platform_stopped"

    SIP_SILENT = "sip_silent"
    SIP_TRYING_ONLY = "sip_trying_only"
    SIP_LATE = "sip_late"
    SIP_FORBIDDEN = "sip_forbidden"
    SIP_NOT_FOUND = "sip_not_found"
    SIP_UNAVAILABLE = "sip_unavailable"
    SIP_BUSY = "sip_busy"
    SIP_TRANSPORT = "sip_transport"
    SIP_DEVICE_FAULT = "sip_device_fault"
    SIP_REFUSED = "sip_refused"

    SDP_MISSING = "sdp_missing"
    SDP_BROKEN = "sdp_broken"
    SDP_PORT_ZERO = "sdp_port_zero"
    SDP_TRANSPORT = "sdp_transport"
    SDP_NO_ADDRESS = "sdp_no_address"
    SDP_PRIVATE_ADDRESS = "sdp_private_address"

    TCP_NOT_MADE = "tcp_not_made"
    TCP_REFUSED = "tcp_refused"
    TCP_UNREACHABLE = "tcp_unreachable"
    TCP_SILENT = "tcp_silent"

    OUR_ADDRESS = "our_address"
    NO_PACKETS = "no_packets"
    NOT_RTP = "not_rtp"
    WRONG_SSRC = "wrong_ssrc"
    SSRC_TAKEN = "ssrc_taken"
    FOREIGN_SOURCE = "foreign_source"

    ENCRYPTED = "encrypted"
    GARBAGE = "garbage"
    NO_VIDEO = "no_video"
    CODEC_SVAC = "codec_svac"
    CODEC_UNKNOWN = "codec_unknown"
    CODEC_UNPLAYABLE = "codec_unplayable"
    NO_KEY_FRAME = "no_key_frame"

    STALLED = "stalled"
    DEVICE_ENDED = "device_ended"
    DEVICE_LOST = "device_lost"

    STALLS = "stalls"
    LOSS = "loss"
    DISORDER = "disorder"
    VIEWER_SLOW = "viewer_slow"

    OTHER_TRANSPORT = "other_transport"
    OTHER_SSRC = "other_ssrc"
    OTHER_SOURCE = "other_source"
    STRANGERS = "strangers"
    SENDS_TS = "sends_ts"
    SENDS_ES = "sends_es"
    NO_STREAM_MAP = "no_stream_map"
    WRONG_STREAM_MAP = "wrong_stream_map"
    GARBAGE_BETWEEN = "garbage_between"
    H265 = "h265"

    FINE = "fine"
    UNEXPLAINED = "unexplained"


Facts = tuple[tuple[str, str], ...]
"""Name (a key of `web.words.doctor.FACTS`) and value, for the technician."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rung as it went."""

    rung: Rung
    mark: Mark
    facts: Facts = ()


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt with one way of media."""

    transport: str
    """`udp`, `tcp-passive`, `tcp-active`; empty when it did not get so far."""
    at: datetime | None
    cause: Cause


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One verdict on one channel, and everything it rests on."""

    channel: str
    cause: Cause
    grade: Grade
    at: datetime | None
    """When the attempt that it speaks of began; None: there was none."""
    transport: str
    device_id: str
    ladder: tuple[Step, ...]
    tried: tuple[Try, ...]
    """The attempts of the latest round, the oldest first."""
    is_running: bool
    """Attempts are being made or a picture runs: the verdict may change."""
