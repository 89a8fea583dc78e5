"""The vocabulary of cascade upward: what we are told to be, and what upper platforms do to us.

Owns the records between the upward roles and the cascade service; never behaviour. `now` is the
monotonic time of the caller, wall times are aware datetimes in UTC. Flows: GB/T 28181-2022 clause
9 with ourselves as the lower platform, 8.13 of the profile in `docs/conformance.md`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from sip.errors import LocalProtocolError, SipError
from sip.events import Transport
from sip.gb28181.manscdp import Envelope
from sip.gb28181.mansrtsp import PlaybackCommand
from sip.gb28181.subscription import Topic
from sip.message.sdp import History, MediaTransport, StreamChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """One upper platform, and as whom we register there."""

    platform_id: str
    """Its 20-digit code (server id); unique among the uplinks."""
    domain: str
    """Its SIP domain, mostly the first 10 digits of its code."""
    host: str
    """An IP address; names are resolved by the service."""
    port: int
    transport: Transport = "udp"
    own_id: str
    """The 20-digit code by which it knows us; also the digest's user unless `username` is set."""
    username: str = ""
    password: str = field(repr=False, default="")
    expires_s: int = 86_400
    keepalive_interval_s: float = 60.0
    keepalive_count: int = 3
    """Keepalives without an answer after which we register anew (9.6)."""
    retry_s: float = 60.0
    """First pause after a failed registration; doubles up to `longest_retry_s`."""
    longest_retry_s: float = 600.0
    edition: Literal["2016", "2022"] = "2022"
    charset: Literal["GB2312", "GB18030", "UTF-8"] = "GB18030"


class UplinkState(StrEnum):
    """How far we are with one upper platform."""

    REGISTERING = "registering"
    REGISTERED = "registered"
    WAITING = "waiting"
    """The last attempt failed; the next one is due at `UplinkStatus.next_attempt_at`."""
    UNREGISTERING = "unregistering"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class UplinkStatus:
    """What is to be shown of an uplink."""

    platform_id: str
    state: UplinkState
    since: datetime
    """When this state began."""
    failure: str = ""
    """Constant word: `wrong_password`, `unknown_to_upper`, `forbidden`, `refused`, `no_answer`,
    `unreachable`, `keepalives_missed`, `interval_too_brief`; empty when all is well."""
    status: int = 0
    """SIP status of the last refusal; 0: none."""
    next_attempt_at: datetime | None = None
    gb_version: str = ""
    """X-GB-Ver of the upper platform, where it told."""
    subscriptions: tuple[Topic, ...] = ()
    calls: int = 0
    clock_offset_s: float | None = None
    """By how much the upper's clock is fast, as the Date of its 200 says; ours is not set by it."""


@dataclass(frozen=True, slots=True)
class UplinkChanged:
    """An uplink has another state."""

    status: UplinkStatus


@dataclass(frozen=True, slots=True)
class UpperAsked:
    """A Query or Control (or a Response or Notify) came in a MESSAGE; the 200 is out already.

    Answers go by `send`, one MESSAGE after the other (annex M).
    """

    platform_id: str
    envelope: Envelope
    routes: tuple[str, ...] = ()
    """X-PreferredPath without our own id, where the upper named one (2022 annex H)."""


@dataclass(frozen=True, slots=True)
class UpperSubscribed:
    """A subscription began or was renewed; the dialog and the time are the role's own."""

    platform_id: str
    topic: Topic
    envelope: Envelope
    """The query of the SUBSCRIBE: DeviceID, Interval, alarm conditions."""
    is_renewal: bool


@dataclass(frozen=True, slots=True)
class UpperUnsubscribed:
    """It ended: Expires 0, time gone by, refused NOTIFY, or the uplink is down."""

    platform_id: str
    topic: Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class UpperInvited:
    """An INVITE; answered with 100 already, to be ended by `accept` or `refuse`."""

    platform_id: str
    call_id: str
    """Ours, unique; not the header."""
    channel_id: str
    """The code the upper uses (Request-URI, else Subject)."""
    kind: Literal["live", "playback", "download", "talk"]
    host: str
    """Where it wants the media; `port` 0 with an INVITE without SDP (82): known at `UpperAcked`."""
    port: int
    transport: MediaTransport
    """Seen from the upper, which receives."""
    ssrc: int | None
    """Its y=; None: we choose."""
    stream: StreamChoice = "main"
    history: History | None = None
    has_offer: bool = True
    """Whether it is known already where to send. False without SDP (82) and with port 0, which some
    platforms correct by a re-INVITE: then `host`, `port` and `transport` of UpperAcked count."""
    path: tuple[str, ...] = ()
    """X-PreferredPath without our own id."""


@dataclass(frozen=True, slots=True)
class UpperAcked:
    """The ACK to our 200 came: media may flow (2022 9.2). `host` and `port` as agreed last."""

    platform_id: str
    call_id: str
    host: str
    port: int
    transport: MediaTransport
    ssrc: int


@dataclass(frozen=True, slots=True)
class UpperControlled:
    """An INFO with MANSRTSP inside a playback or download; end it by `reply_control`."""

    platform_id: str
    call_id: str
    control_id: str
    command: PlaybackCommand


EndReason = Literal[
    "bye", "cancel", "no_ack", "replaced", "offline", "local", "timeout", "bad_answer", "no_port"
]
"""Why a call ended: `timeout` the service gave no answer in time (480 is out), `bad_answer` the
ACK to our offer held no usable SDP, `no_port` an upper that offered port 0 never told another."""


@dataclass(frozen=True, slots=True)
class UpperCallEnded:
    """BYE, CANCEL, no ACK in time, or the uplink is down; the service stops its sending.

    Comes once for each UpperInvited, except after `refuse`.
    """

    platform_id: str
    call_id: str
    reason: EndReason


@dataclass(frozen=True, slots=True)
class UpperSent:
    """A MESSAGE that was handed to `send` has its end; for the one who waits for it."""

    key: int
    error: SipError | None


class UplinkRefused(LocalProtocolError):
    """An uplink that leads to ourselves, has senseless times, or is one more than there may be."""


UplinkEvent = (
    UplinkChanged
    | UpperAsked
    | UpperSubscribed
    | UpperUnsubscribed
    | UpperInvited
    | UpperAcked
    | UpperControlled
    | UpperCallEnded
)
