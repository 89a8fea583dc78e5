"""What a simulated device is: its identity, its cameras, and how it misbehaves.

Values only. `device.py` acts on them; a test or `vms simulate` fills them in.
"""

from dataclasses import dataclass
from enum import StrEnum

from sip.gb28181.mansrtsp import PlaybackCommand
from sip.message.digest import Algorithm
from sip.message.peer import Peer
from sip.message.sdp import History, MediaTransport, StreamChoice
from sip.simulator.quirks import QuirkSwitches
from sip.simulator.timetable import Timetable


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
    digest_algorithms: tuple[Algorithm, ...] = tuple(Algorithm)
    """What it can answer a challenge with; a device of 2016 knows MD5 alone."""
    first_keepalive_s: float | None = None
    """Time from the registration to the first keepalive; None: a whole interval."""
    items_per_message: int = 8
    allowed_hosts: tuple[str, ...] = ()
    """Hosts besides the platform's that UploadURL and FileURL may name."""
    voice_transport: MediaTransport = "udp"
    """How the device wants to hear broadcasts, named from its own side."""
    stream_limit: int = 64
    """Streams sent at once; one more is answered 486."""
    recordings: Timetable | None = None
    """None: nothing is recorded."""
    playback_limit: int = 4
    """Playbacks and downloads at once; one more is answered 486 (quirk 53)."""


@dataclass(slots=True)
class Faults(QuirkSwitches):
    """Switches of misbehaviour; all off is a device by the book. May be changed while running."""

    wrong_password: bool = False
    no_answer: bool = False
    """INVITEs are received and never answered, not even by 100."""
    trying_only: bool = False
    """INVITEs get 100 and nothing else."""
    answer_delay_s: float = 0.0
    """The final answer to an INVITE comes this much later (100 is sent at once)."""
    cancel_ignored: bool = False
    """The final answer comes all the same after a CANCEL."""
    answer_status: int | None = None
    """Refuse every INVITE with this status, e.g. 404, 486, 488."""
    answer_ssrc: int | None = None
    """Write this into y= of the answer."""
    omit_ssrc: bool = False
    """Leave y= out of the answer."""
    omit_sdp: bool = False
    """200 without a body."""
    answer_nowhere: bool = False
    """The answer names 0.0.0.0 as the address of its media."""
    answer_private: bool = False
    """The answer names an address of some private network, as a device behind a NAT does."""
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
    record_short_by: int = 0
    """Leave out the last n recordings although SumNum counts them."""
    record_disordered: bool = False
    """Recordings newest first."""
    info_status: int | None = None
    """Answer every INFO with this status."""
    info_only_mansrtsp: bool = False
    """400 to `PLAY RTSP/1.0`: only the start line of the 2016 samples is understood."""
    info_wants_range: bool = False
    """400 to a Scale without a Range (quirk 49)."""
    pause_ignored: bool = False
    """Answer 200 to PAUSE and go on sending (quirk 50)."""
    no_media_status: bool = False
    """Say nothing at the end of a file (quirk 51)."""
    bye_at_end: bool = False
    """BYE at the end of a file instead of MediaStatus."""
    wrong_charset: bool = False
    """UTF-8 bytes under a GB2312 prolog."""
    bad_byte: bool = False
    """One undecodable byte in every name."""
    raw_ampersand: bool = False
    """Unescaped & and < in every name."""
    control_refused: bool = False
    """Do nothing on commands; answer ERROR where an answer is due."""
    answers_everything: bool = False
    """Send a Response to commands that want none, as some devices do."""
    upgrade_fails: bool = False
    """Every firmware turns out to be broken (reason 02)."""
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
    reads_first_challenge: bool = False
    """Of several WWW-Authenticate headers it knows only the first, as an old device does."""
    clock_offset_s: float | None = None
    """Send a Date with each REGISTER, its clock so many seconds fast; negative: slow.
    Where the shell gives the device a clock."""
    registers_once: bool = False
    """Never refresh: the registration runs out."""
    voice_refused: bool = False
    """Answer a Broadcast with Result ERROR."""
    voice_no_call: bool = False
    """Answer a Broadcast with OK and never invite the platform."""
    voice_omit_ssrc: bool = False
    """Leave y= out of the INVITE that wants voice."""


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
    history: History | None = None
    """Which recording is wanted; None for live."""


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
class PlaybackControlled:
    """A running playback is told to go on otherwise; the 200 is on its way."""

    call_id: str
    command: PlaybackCommand


@dataclass(frozen=True, slots=True)
class CommandReceived:
    """A control command came; the simulation may act on it."""

    device_id: str
    command: str
    """The element that says what to do, e.g. PTZCmd, IFrameCmd, TeleBoot."""
    value: str


@dataclass(frozen=True, slots=True)
class SnapshotsRequested:
    """Take pictures, upload each, then call `SimulatedDevice.finish_snapshots`."""

    channel_id: str
    count: int
    interval_s: int
    upload_url: str
    session_id: str


@dataclass(frozen=True, slots=True)
class UpgradeRequested:
    """Fetch the firmware, then call `SimulatedDevice.finish_upgrade`."""

    session_id: str
    firmware: str
    url: str


@dataclass(frozen=True, slots=True)
class VoiceWanted:
    """A Broadcast came: open a port for what the platform says, then `call_for_voice`."""

    call_id: str
    target_id: str
    """The sound output that is to play it."""
    source_id: str
    transport: MediaTransport
    """Ours: in `tcp-passive` we listen, in `tcp-active` we connect to what VoiceGranted names."""


@dataclass(frozen=True, slots=True)
class VoiceGranted:
    """The platform answered our call: listen."""

    call_id: str
    target_id: str
    host: str
    port: int
    transport: MediaTransport
    ssrc: int | None


@dataclass(frozen=True, slots=True)
class VoiceOver:
    """A voice call is over or came to nothing."""

    call_id: str
    target_id: str
    reason: str


SimulatorEvent = (
    RegistrationChanged
    | MediaRequested
    | MediaStarted
    | MediaStopped
    | CommandReceived
    | PlaybackControlled
    | SnapshotsRequested
    | UpgradeRequested
    | VoiceWanted
    | VoiceGranted
    | VoiceOver
)
