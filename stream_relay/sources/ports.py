"""Even RTP ports, each with quarantine before reuse.

Devices keep sending for seconds after BYE, and whoever knew the old port could show his picture
in the next stream: a freed port rests before it is given out again.
"""

from collections import deque

from stream_relay.errors import Overload


class PortPool:
    """Hands out even ports of a range, least recently used first.

    An empty range means that the kernel chooses (tests); nothing is then kept back.
    """

    def __init__(self, ports: range, quarantine_s: float) -> None:
        self._free = deque(port for port in ports if port % 2 == 0 and port + 1 in ports)
        self._resting: deque[tuple[float, int]] = deque()
        self._quarantine_s = quarantine_s
        self.is_ephemeral = len(ports) == 0

    def take(self, now: float) -> int:
        """An even port, or 0 for "kernel's choice". Raises `Overload` when none is left."""
        if self.is_ephemeral:
            return 0
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])
        if not self._free:
            raise Overload("no free media port: widen the media port range or wait for quarantine")
        return self._free.popleft()

    def give_back(self, port: int, now: float) -> None:
        """Start the quarantine of a port that was in use."""
        if not self.is_ephemeral:
            self._resting.append((now + self._quarantine_s, port))

    def put_last(self, port: int) -> None:
        """Return a port that somebody else holds: it was never ours, others are tried first."""
        if not self.is_ephemeral:
            self._free.append(port)

    @property
    def free_count(self) -> int:
        """Ports that can be given out now, those at rest not counted."""
        return len(self._free)
