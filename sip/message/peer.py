"""Where a packet came from or goes to."""

from typing import Literal, NamedTuple

TransportName = Literal["udp", "tcp"]


class Peer(NamedTuple):
    """One remote address; for TCP also which connection.

    A named tuple and not a dataclass, because it is hashed for every datagram.
    """

    transport: TransportName
    host: str
    port: int
    connection: int | None = None
    """Number of the TCP connection in this process; None for UDP and for one to be made."""

    @property
    def is_reliable(self) -> bool:
        """Whether the transport repeats lost bytes itself (RFC 3261 §17.1.1.2)."""
        return self.transport != "udp"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"
