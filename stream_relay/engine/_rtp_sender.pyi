from stream_relay.engine._loop import Loop
from stream_relay.formats.rtp import PacketSink

class RtpSender(PacketSink):
    number: int
    packets: int
    sent_bytes: int
    dropped: int
    def __init__(self, loop: Loop, fd: int, ssrc: int, is_tcp: bool, sequence: int) -> None: ...
    def close(self) -> None: ...
