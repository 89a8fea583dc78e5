from stream_relay.engine._loop import Loop
from stream_relay.engine._source import Inlet, UdpPort

class MediaConnection:
    number: int
    peer: int
    used_us: int
    refused: int
    def __init__(
        self, loop: Loop, fd: int, peer: int, inlet: Inlet | None, router: UdpPort | None
    ) -> None: ...
    def check(self) -> None: ...
    def close(self) -> None: ...
