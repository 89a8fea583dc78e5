from collections.abc import Callable

from stream_relay.access_unit import Track
from stream_relay.engine._core import StreamCore
from stream_relay.engine._loop import Loop
from stream_relay.errors import Unsupported

class Connection:
    number: int
    counters: tuple[int, int, int, int]
    refusal: Unsupported | None
    def __init__(self, loop: Loop, fd: int, is_websocket: bool, chunks: int, size: int) -> None: ...
    def attach(
        self,
        core: StreamCore,
        name: str,
        describe: Callable[[str, tuple[Track, ...]], str] | None,
    ) -> None: ...
    def detach(self) -> None: ...
    def send_text(self, text: bytes) -> None: ...
    def finish(self, text: bytes | None) -> None: ...
    def close(self) -> None: ...
