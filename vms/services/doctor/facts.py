"""What one attempt to get a picture has shown so far: facts only, no judgement, no I/O.

The live session writes them down as it goes; `findings.py` reads them.
"""

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address

from stream_relay.evidence import SourceEvidence
from vms.records import LiveReason, LiveStep

NOWHERE = frozenset({"0.0.0.0", "::"})  # compared with, not listened on


@dataclass(frozen=True, slots=True)
class Pulse:
    """How a running picture does, over the latest stretch of some seconds."""

    loss: float = 0.0
    """Share of the packets that never came, 0 to 1."""
    disorder: float = 0.0
    """Share that came after a later one."""
    stalls: int = 0
    """How often it had stopped, of late."""
    is_silent: bool = False
    """Nothing came, and it is not long enough yet to be a stall."""
    dropped: int = 0
    """Pieces that slow viewers lost."""
    bitrate_bps: int = 0


@dataclass(slots=True)
class Chart:
    """One attempt with one way of media, from its begin to its end."""

    channel: str
    at: datetime | None = None
    round: int = 0
    """Attempts of one round follow each other at once, each with another way of media."""
    transport: str = ""
    # Who is asked
    device_id: str = ""
    host: str = ""
    """Where the device's signalling comes from."""
    is_registered: bool | None = None
    says_on: bool | None = None
    """What the device's catalogue says of the channel."""
    # What we offered
    our_host: str = ""
    our_port: int = 0
    our_ssrc: int | None = None
    ports: str = ""
    """The range to open in a firewall."""
    # What was answered
    invitation_id: str = ""
    status: int | None = None
    """Of the final answer, 200 included; None: there was none."""
    word: str = ""
    """How signalling calls the failure, see `sip.roles.call.InvitationFailed`."""
    phrase: str = ""
    has_provisional: bool = False
    is_late: bool = False
    """It agreed after we had given up."""
    their_host: str = ""
    """What the answer says, nonsense included."""
    their_port: int = 0
    their_ssrc: int | None = None
    is_answered: bool = False
    # What came
    evidence: SourceEvidence = field(default_factory=SourceEvidence)
    codec: str = ""
    key_frame_s: float | None = None
    """Seconds to the first key frame."""
    is_key_frame_asked: bool = False
    """The device was told to send a key frame (IFrameCmd)."""
    # How it stands
    step: LiveStep | None = None
    failure: LiveReason | None = None
    was_playing: bool = False
    is_over: bool = False
    """Nothing is added any more."""
    pulse: Pulse = field(default_factory=Pulse)

    @property
    def is_playing(self) -> bool:
        """A picture is there, or was until nobody wanted it."""
        return self.was_playing and self.failure is None

    @property
    def is_tcp(self) -> bool:
        """Whether media come over a connection."""
        return self.transport.startswith("tcp")


def is_nowhere(host: str) -> bool:
    """Whether an address says that there is none."""
    return host in NOWHERE


def is_private(host: str) -> bool:
    """Whether an address means something in its own network only (RFC 1918, loopback, …)."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_private and host not in NOWHERE


def is_public(host: str) -> bool:
    """Whether an address is reached through a NAT from a private one."""
    try:
        return ip_address(host).is_global
    except ValueError:
        return False
