"""What a latch is told about the source, and how it stands."""

from dataclasses import dataclass
from enum import Enum

MAX_HOSTS = 8
"""A device signals from one address and names one in its answer; some have more."""


class LatchState(Enum):
    """The life of a port's source.

    to OPEN: nobody is believed yet, or the connection of the locked source closed.
    to LOCKED: because a source passed probation.
    """

    OPEN = "open"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class LatchPolicy:
    """What is agreed about the source by signalling."""

    ssrc: int
    ssrc_check: bool
    """Only packets with the agreed SSRC can come from the source; off, it only adds to the rank."""
    hosts: frozenset[int] = frozenset()
    """Host keys of the addresses the device signalled from or named in its answer, 8 at most;
    empty when not known."""
    silence_us: int = 3_000_000
    """Silence of the locked source after which another may take its place."""
