from stream_relay.engine._core import StreamCore
from stream_relay.engine._rtp_sender import RtpSender

class Forward(RtpSender):
    lost: int
    def attach(self, core: StreamCore, name: str, chunks: int, size: int) -> None: ...
    def detach(self) -> None: ...
