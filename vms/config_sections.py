"""The sections of the configuration: every key with its bounds, unit, example and meaning.

A package receives the section it needs; `vms.config` reads them from file and environment.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from vms.config_values import (
    DOMAIN_DIGITS,
    FIRST_FREE_PORT,
    GbCode,
    LogFormat,
    LogLevel,
    PortRange,
    Transport,
    check_digests,
    check_node_url,
    check_ports,
    check_secret,
    none_if_empty,
    parse_ports,
    read_json,
    setting,
    split,
)


class Section(BaseModel):
    """Root of all sections: frozen, unknown keys refused, meaning in the string below a key."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True
    )


class SipSection(Section):
    """Signalling: who we are to cameras, and how long they may be silent."""

    host: str = setting("0.0.0.0", "0.0.0.0")
    """Address that SIP listens on, UDP and TCP."""
    port: int = setting(5060, 5060, ge=0, le=65535)
    """Port that SIP listens on, UDP and TCP; 0 takes a free one."""
    server_id: GbCode = setting("14040000002000000001", "14040000002000000001")
    """Our own 20-digit code, typed into every camera."""
    name: str = setting("Fengsui VMS", "上党区平台", min_length=1, max_length=64)
    """What upper platforms see as the name of this one."""
    domain: str = setting("", "1404000000", pattern=r"^[0-9A-Za-z.-]{0,64}$")
    """Our SIP domain; empty: the first ten digits of the server id."""
    realm: str = setting("", "1404000000", max_length=64)
    """Realm of the password challenge; empty: the domain."""
    advertised_host: str = setting("", "10.1.2.3", max_length=253)
    """Address that cameras reach us at; empty: that of the network card that leads to them."""
    keepalive_interval_s: int = setting(60, 60, "s", ge=5, le=600)
    """Time between two keepalives of a camera."""
    keepalive_count: int = setting(3, 3, ge=1, le=10)
    """Keepalives that may be missed before a camera is offline."""
    max_expires_s: int = setting(86400, 86400, "s", ge=60, le=604800)
    """Longest registration that is granted."""
    min_expires_s: int = setting(60, 60, "s", ge=10, le=86400)
    """Shortest registration that is granted."""
    edition: Literal["2016", "2022"] = setting("2022", "2016")
    """Edition of GB/T 28181 we say that we speak; 2016 sends no X-GB-Ver."""
    digest_algorithms: Annotated[
        tuple[Literal["MD5", "SHA-256", "SM3"], ...],
        BeforeValidator(split),
        AfterValidator(check_digests),
    ] = setting(("MD5",), ["SM3", "MD5"], min_length=1, max_length=3)
    """Digests that are offered for passwords, in this order; old cameras read only the first."""
    offer_qop: bool = setting(False, True)
    """Offer qop=auth with the password challenge, for devices and platforms that insist on it."""
    registrations_per_s: float = setting(500.0, 500.0, "1/s", ge=1, le=100_000)
    """Cameras that may begin to register per second; the others are told when to come again."""
    stranger_messages_per_s: float = setting(200.0, 200.0, "1/s", ge=10, le=100_000)
    """SIP messages that an address without a registered camera may send; 25 seconds' worth may come
    at once, and what is more is dropped and counted."""
    device_messages_per_s: float = setting(1000.0, 1000.0, "1/s", ge=10, le=100_000)
    """SIP messages that one registered camera or platform may send; 10 seconds' worth may come at
    once."""
    revive_by_keepalive: bool = setting(False, True)
    """Take a camera back that sends keepalives from its old address although its registration has
    ended; otherwise it is refused and has to register."""
    clock_tolerance_s: float = setting(60.0, 60.0, "s", ge=1, le=86_400)
    """A camera's clock may differ by this much before it is told about."""
    send_date: bool = setting(True, True)
    """Send the local time with each registration, for cameras that set their clock by it."""
    charset: Literal["GB2312", "GB18030", "UTF-8"] = setting("GB2312", "GB2312")
    """Character set of our XML bodies."""
    query_timeout_s: float = setting(10.0, 10.0, "s", gt=0, le=120)
    """How long a device may take to answer a query."""
    catalog_timeout_s: float = setting(60.0, 60.0, "s", gt=0, le=600)
    """How long a catalogue may take as a whole."""
    catalog_attempts: int = setting(3, 3, ge=1, le=10)
    """How often a catalogue is asked for when it comes incomplete."""
    parallel_queries: int = setting(32, 32, ge=1, le=256)
    """Devices that are queried at the same time."""
    trace_messages: int = setting(1000, 1000, ge=0, le=100_000)
    """SIP messages that are kept of each device and platform, to be looked at; 0 keeps none."""
    trace_bytes: int = setting(67_108_864, 67_108_864, "bytes", ge=1_048_576, le=17_179_869_184)
    """Memory that all kept SIP messages may take together."""

    @field_validator("domain")
    @classmethod
    def _follow_server_id(cls, value: str, info: ValidationInfo) -> str:
        return value or str(info.data.get("server_id", ""))[:DOMAIN_DIGITS]


class SubscriptionsSection(Section):
    """What devices are asked to report of themselves; people may change it for each device."""

    catalog: bool = setting(True, True)
    """Be told of channels that come, go and change; else the catalogue is polled."""
    alarm: bool = setting(True, True)
    """Be told of alarms by NOTIFY; devices that cannot do so send them unasked."""
    position: Literal["never", "mobile", "always"] = setting("mobile", "mobile")
    """Be told of positions: of devices with mobile channels, of all, or of none."""
    expires_s: int = setting(600, 600, "s", ge=60, le=86_400)
    """How long a subscription is asked for; it is refreshed before."""
    position_interval_s: int = setting(5, 5, "s", ge=1, le=3600)
    """Time between two positions."""
    poll_minutes: int = setting(30, 30, "min", ge=5, le=1440)
    """How often devices that cannot report changes are asked for their catalogue."""
    track_days: int = setting(30, 30, "days", ge=1, le=3650)
    """How long the tracks of what moves are kept."""


class HttpSection(Section):
    """The viewer, the REST interface and the live outputs over HTTP."""

    host: str = setting("0.0.0.0", "0.0.0.0")
    """Address that HTTP listens on."""
    port: int = setting(8080, 8080, ge=0, le=65535)
    """Port that HTTP listens on; 0 takes a free one."""
    secure_cookies: bool = setting(False, True)
    """Mark cookies Secure; set it when a proxy in front speaks HTTPS."""
    allowed_origins: Annotated[tuple[str, ...], BeforeValidator(split)] = setting(
        (), ["https://video.example.com"]
    )
    """Further origins whose pages may use the interface with a cookie."""
    device_base_url: str = setting(
        "", "http://10.1.2.3:8080", max_length=256, pattern=r"^(https?://[^\s/]+/?)?$"
    )
    """Address that devices upload pictures to; empty: that of SIP, with the port above."""
    max_body_bytes: int = setting(1_048_576, 1_048_576, "bytes", ge=1024, le=1_073_741_824)
    """Largest request body that is read."""
    max_viewers: int = setting(500, 500, ge=1, le=100_000)
    """Live outputs over HTTP and WebSocket that may be open at one time."""


class MediaSection(Section):
    """Where media arrives, and when a stream counts as dead."""

    host: str = setting("0.0.0.0", "0.0.0.0")
    """Address that media is received on."""
    advertised_host: str = setting("", "10.1.2.3", max_length=253)
    """Address that cameras send media to; empty: the same as for SIP."""
    ports: Annotated[str, AfterValidator(check_ports)] = setting("30000-30999", "30000-30999")
    """Ports for media, UDP and TCP; each stream takes an even one."""
    shared_port: int = setting(0, 29998, ge=0, le=32_766)
    """One even port for all pictures instead, UDP (and the next one) and TCP, told apart by their
    SSRC; cameras that ignore the agreed SSRC then show no picture. 0: each stream has its own."""
    transports: Annotated[tuple[Transport, ...], BeforeValidator(split)] = setting(
        tuple(Transport), ["tcp-passive", "udp"], min_length=1, max_length=3
    )
    """Ways to ask for media, in the order they are tried; what worked is remembered."""
    transports_limit_s: float = setting(30.0, 30.0, "s", ge=0, le=300)
    """After so long no further way of media is begun before a pause; 0: one way at a time."""
    invite_timeout_s: float = setting(10.0, 10.0, "s", gt=0, le=60)
    """How long a device may take to answer an INVITE."""
    first_packet_timeout_s: float = setting(10.0, 10.0, "s", gt=0, le=60)
    """How long the first picture may take after the answer."""
    stall_timeout_s: float = setting(15.0, 15.0, "s", gt=0, le=120)
    """Silence after which a running stream is ended and asked for again."""
    linger_s: float = setting(10.0, 10.0, "s", ge=0, le=3600)
    """How long a stream goes on after its last viewer left."""
    retry_first_s: float = setting(2.0, 2.0, "s", gt=0, le=60)
    """Wait before the second attempt while viewers wait; it doubles from there."""
    retry_max_s: float = setting(60.0, 60.0, "s", gt=0, le=3600)
    """Longest wait between two attempts."""
    ssrc_check: bool = setting(False, False)
    """Refuse media whose SSRC is not the agreed one; many real cameras ignore the agreed one."""
    reorder_wait_s: float = setting(0.2, 0.2, "s", ge=0, le=2)
    """How long a missing packet is waited for."""
    gop_cache_bytes: int = setting(8_388_608, 8_388_608, "bytes", ge=65536, le=268_435_456)
    """Most bytes kept per stream so that a new viewer starts at once."""
    viewer_queue: int = setting(256, 256, ge=8, le=8192)
    """Fragments that may wait for a slow viewer; then it skips to the next key frame."""

    @field_validator("shared_port")
    @classmethod
    def _is_apart(cls, value: int, info: ValidationInfo) -> int:
        if value == 0:
            return value
        if value < FIRST_FREE_PORT or value % 2:
            raise ValueError(f"must be 0 or an even port from {FIRST_FREE_PORT} on")
        if "ports" in info.data:
            ports = parse_ports(info.data["ports"])
            if value + 1 >= ports.first and value <= ports.last:
                raise ValueError("must lie outside media.ports, the next port as well")
        return value

    @property
    def port_range(self) -> PortRange:
        """The ends of `ports`."""
        return parse_ports(self.ports)


class NodeSection(Section):
    """One relay node: where it is, and the secret that it shares with us."""

    url: Annotated[str, AfterValidator(check_node_url)]
    secret: Annotated[SecretStr, AfterValidator(check_secret)] = Field(min_length=1)


class RelaySection(Section):
    """Relay nodes: media received by other processes or machines (docs/relay-nodes.md)."""

    nodes: Annotated[tuple[NodeSection, ...], BeforeValidator(read_json)] = setting(
        (), [{"url": "http://10.1.2.9:8090", "secret": "<openssl rand -hex 32>"}], max_length=64
    )
    """The nodes that receive all live pictures for this platform; each an address and the node's
    secret. Empty: this process receives them. As a variable: JSON."""
    secret: Annotated[SecretStr, AfterValidator(check_secret)] = setting(
        SecretStr(""), "<openssl rand -hex 32>"
    )
    """Of this node (`vms run --role relay`), 32 characters at least: `openssl rand -hex 32`."""
    host: str = setting("0.0.0.0", "10.1.2.9")
    """Address that this node is controlled at."""
    port: int = setting(8090, 8090, ge=0, le=65535)
    """Port that this node is controlled at; 0 takes a free one."""
    controller_silence_s: float = setting(15.0, 15.0, "s", ge=2, le=600)
    """When nothing is heard of a controller for so long, this node closes what it had opened."""

    @field_validator("nodes")
    @classmethod
    def _are_different(cls, value: tuple[NodeSection, ...]) -> tuple[NodeSection, ...]:
        if len({node.url for node in value}) < len(value):
            raise ValueError("must not name a node twice")
        return value


class StorageSection(Section):
    """What is kept, for how long, and how much of the disk is never filled."""

    reserve_bytes: int = setting(1_073_741_824, 1_073_741_824, "bytes", ge=0)
    """Free space that is kept: the oldest recordings go for it; below it is an alarm. 0: none."""
    alarm_picture_days: int = setting(180, 180, "days", ge=1, le=3650)
    """How long the pictures of alarms are kept."""
    audit_days: int = setting(180, 365, "days", ge=180, le=3650)
    """How long the audit log is kept; the law asks for six months."""


class RecordingSection(Section):
    """Recording of channels whose switch is on."""

    segment_s: float = setting(60.0, 60.0, "s", ge=2, le=3600)
    """Length of one file; it is cut at the next key frame."""
    retry_first_s: float = setting(2.0, 2.0, "s", gt=0, le=60)
    """Wait before a failed recorder starts again; it doubles."""
    retry_max_s: float = setting(60.0, 60.0, "s", gt=0, le=3600)
    """Longest wait between two starts."""


class PlaybackSection(Section):
    """Recordings on devices: how they are searched, played back and fetched."""

    per_device: int = setting(4, 4, ge=1, le=64)
    """Playbacks and downloads of one device at a time; many recorders send one to four."""
    search_timeout_s: float = setting(15.0, 15.0, "s", gt=0, le=120)
    """How long a device may take to begin its list of recordings."""
    downloads: int = setting(4, 4, ge=1, le=64)
    """Downloads of all devices at a time; further ones wait."""
    download_speed: int = setting(4, 4, ge=1, le=32)
    """Speed that a download asks for where nobody says another; devices may send slower."""
    download_days: int = setting(7, 7, "days", ge=1, le=3650)
    """How long fetched files are kept."""


class AnalyticsSection(Section):
    """Analysis of pictures by plugins, in a process of its own."""

    enabled: bool = setting(True, True)
    """Run the analysis worker when a scene is enabled."""
    person_model: Annotated[Path | None, BeforeValidator(none_if_empty)] = setting(
        None, "models/nanodet_m.onnx"
    )
    """ONNX file that finds persons; none: plugins work by motion."""
    restart_first_s: float = setting(1.0, 1.0, "s", gt=0, le=60)
    """Wait before a dead worker starts again; it doubles."""
    restart_max_s: float = setting(60.0, 60.0, "s", gt=0, le=3600)
    """Longest wait between two starts."""


class UsersSection(Section):
    """Login, sessions and tokens."""

    session_idle_s: int = setting(28_800, 28_800, "s", ge=300, le=604_800)
    """A session ends after this long without a request."""
    session_absolute_s: int = setting(86_400, 86_400, "s", ge=300, le=2_592_000)
    """A session ends this long after the login."""
    account_failures: int = setting(5, 5, ge=1, le=100)
    """Wrong passwords for one account from one address before that pair is locked."""
    source_failures: int = setting(20, 20, ge=1, le=1000)
    """Wrong passwords from one address before the address is locked."""
    failure_window_s: int = setting(900, 900, "s", ge=10, le=86_400)
    """Failures older than this are forgotten."""
    lock_s: int = setting(300, 300, "s", ge=1, le=86_400)
    """How long a lock lasts."""
    media_token_s: int = setting(3600, 3600, "s", ge=30, le=86_400)
    """How long the address of a live picture is valid."""
    password_min_length: int = setting(10, 10, ge=8, le=128)
    """Shortest password of a user."""


class LogSection(Section):
    """What is written to standard error."""

    level: LogLevel = setting(LogLevel.INFO, "debug")
    """Least urgent line that is written."""
    format: LogFormat = setting(LogFormat.TEXT, "json")
    """`text` for people, `json` for machines."""
