"""What a simulated device is: its identity, its cameras, and how it misbehaves.

Values only. `device.py` acts on them; a test or `vms simulate` fills them in.
"""

from dataclasses import dataclass
from enum import StrEnum

from sip.message.peer import Peer
from sip.message.sdp import MediaTransport, StreamChoice


@dataclass(frozen=True, slots=True)
class SimulatedChannel:
    """One camera, alarm input (134) or loudspeaker (137) behind a device."""

    code: str
    name: str
    parent_id: str = ""
    """Empty means the device; an organisation is joined to it by `/` (2022 annex J)."""
    organisation_id: str = ""
    """The virtual organisation (216) it belongs to, if any."""
    civil_code: str = ""
    """Empty means the first six digits of the code."""
    status_on: bool = True
    manufacturer: str = "Fengsui"
    model: str = "SIM-IPC"
    address: str = ""
    ptz_type: int | None = 3
    """1 dome, 2 half dome, 3 fixed, 4 remote box; None for things without a picture."""
    longitude: float | None = None
    latitude: float | None = None
    track: tuple[tuple[float, float], ...] = ()
    """Longitudes and latitudes that it passes for ever; empty for what stays where it is."""


@dataclass(frozen=True, slots=True)
class SimulatedOrganisation:
    """A region (2 to 8 digits), business group (215) or virtual organisation (216)."""

    code: str
    name: str
    parent_id: str = ""
    business_group_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """Everything a simulated device is told before it starts."""

    device_id: str
    password: str
    server_id: str
    domain: str
    server: Peer
    """Where to send; its transport is the device's transport."""
    local_host: str = "127.0.0.1"
    local_port: int = 5060
    """Written in Via and Contact; the platform must not rely on it."""
    channels: tuple[SimulatedChannel, ...] = ()
    organisations: tuple[SimulatedOrganisation, ...] = ()
    name: str = "Simulated box"
    manufacturer: str = "Fengsui"
    model: str = "SIM-NVR"
    firmware: str = "V1.0.0"
    user_agent: str = "FengsuiSim/1.0"
    gb_version: str = "3.0"
    """X-GB-Ver; "" sends none, as a 2016 device does."""
    charset: str = "GB2312"
    expires_s: int = 3600
    keepalive_interval_s: float = 60.0
    keepalive_count: int = 3
    retry_interval_s: float = 60.0
    """Pause after a failed registration, plus up to a quarter of it at random (2022 9.1)."""
    items_per_message: int = 8
    stream_limit: int = 64
    """Streams sent at once; one more is answered 486."""


@dataclass(slots=True)
class Faults:
    """Switches of misbehaviour; all off is a device by the book. May be changed while running."""

    wrong_password: bool = False
    no_answer: bool = False
    """INVITEs are received and never answered, not even by 100."""
    trying_only: bool = False
    """INVITEs get 100 and nothing else."""
    answer_delay_s: float = 0.0
    """The final answer to an INVITE comes this much later (100 is sent at once)."""
    answer_status: int | None = None
    """Refuse every INVITE with this status, e.g. 404, 486, 488."""
    answer_ssrc: int | None = None
    """Write this into y= of the answer."""
    omit_ssrc: bool = False
    """Leave y= out of the answer."""
    omit_sdp: bool = False
    """200 without a body."""
    answer_body: bytes | None = None
    """Send exactly this instead of the SDP answer."""
    no_media: bool = False
    """Answer properly, then never report MediaStarted."""
    early_dialog: bool = False
    """Send 101 Dialog Establishment before the 200, as one NVR does."""
    keepalive_stopped: bool = False
    refuse_bye: bool = False
    """Never answer a BYE; the session stays open here and its media go on."""
    query_silent: bool = False
    """Answer 200 to queries and never send the Response."""
    catalog_short_by: int = 0
    """Leave out the last n items although SumNum counts them."""
    catalog_one_per_message: bool = False
    catalog_duplicates: bool = False
    """Every item twice."""
    catalog_sum_num: int | None = None
    """Lie about SumNum."""
    catalog_ignore_flow: bool = False
    """Do not wait for the 200 of one packet before sending the next."""
    wrong_charset: bool = False
    """UTF-8 bytes under a GB2312 prolog."""
    bad_byte: bool = False
    """One undecodable byte in every name."""
    raw_ampersand: bool = False
    """Unescaped & and < in every name."""
    subscribe_status: int | None = None
    """Refuse every SUBSCRIBE with this status, e.g. 405, 481, 489."""
    subscribe_least_s: int = 0
    """Refuse shorter subscriptions with 423 and Min-Expires."""
    subscribe_omit_expires: bool = False
    """The 200 of a SUBSCRIBE does not say for how long."""
    notify_outside: bool = False
    """NOTIFY under a Call-ID and tags of its own."""
    notify_response_root: bool = False
    """Catalog notifications with the root Response, as the samples of 2016 have it."""
    new_call_id_on_refresh: bool = False
    registers_once: bool = False
    """Never refresh: the registration runs out."""


class RegistrationState(StrEnum):
    """How far a simulated device is.

    to REGISTERING: started, refreshing, or the pause after a failure is over.
    to REGISTERED: 200 with an expiry above zero.
    to WAITING: refused, timed out, or keepalives unanswered.
    to UNREGISTERING: told to stop. to IDLE: 200 to Expires 0, or no answer to it.
    """

    IDLE = "idle"
    REGISTERING = "registering"
    REGISTERED = "registered"
    WAITING = "waiting"
    UNREGISTERING = "unregistering"


@dataclass(frozen=True, slots=True)
class RegistrationChanged:
    """The device's registration went into another state."""

    state: RegistrationState
    status: int | None = None
    """SIP status that caused it, None for a timeout or a local decision."""


@dataclass(frozen=True, slots=True)
class MediaRequested:
    """The platform invites; answer with accept_media or reject_media of the same call id."""

    call_id: str
    channel_id: str
    host: str
    port: int
    transport: MediaTransport
    """The platform's role: `tcp-passive` means that the device connects."""
    ssrc: int | None
    stream: StreamChoice
    name: str
    """s= of the offer: Play, Playback, Download, Talk."""


@dataclass(frozen=True, slots=True)
class MediaStarted:
    """The ACK has come: send now."""

    call_id: str
    channel_id: str
    ssrc: int | None
    """What the answer named, or the offer where the answer named none."""


@dataclass(frozen=True, slots=True)
class MediaStopped:
    """The session is over: stop sending."""

    call_id: str
    channel_id: str
    reason: str
    """`bye`, `cancelled`, `replaced`, `no_ack`, `local`, `offline`."""


@dataclass(frozen=True, slots=True)
class CommandReceived:
    """A control command came; the simulation may act on it."""

    device_id: str
    command: str
    """The element that says what to do, e.g. PTZCmd, IFrameCmd, TeleBoot."""
    value: str


SimulatorEvent = (
    RegistrationChanged | MediaRequested | MediaStarted | MediaStopped | CommandReceived
)
