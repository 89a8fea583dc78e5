"""The trace of signalling needs no plane: the real service over a ring that tests fill."""

from sip.message import Peer
from sip.trace.ring import Trace
from sip.traces import ServerTrace
from tests.web.records import DEVICE, NOON
from vms.services.signalling_trace import SignallingTraceService

PEER = Peer("udp", "10.1.2.9", 5060)
SECRET = "3f2a9c0d7b"


def build_signalling() -> tuple[Trace, SignallingTraceService]:
    """A server to which one device has spoken."""
    trace = Trace(1000, 1_000_000)
    shown = ServerTrace(trace, lambda: ("10.1.2.3", 5060), lambda: NOON, lambda: 100.0)
    trace.received(register(DEVICE, f'Digest username="{DEVICE}", response="{SECRET}"'), PEER, 98.0)
    trace.sent([(answer(DEVICE, 200), PEER)], 98.5)
    trace.received(keepalive(DEVICE), PEER, 99.0)
    return trace, SignallingTraceService(shown)


def register(device: str, credentials: str) -> bytes:
    return (
        f"REGISTER sip:14040000002000000001@1404000000 SIP/2.0\r\n"
        f"From: <sip:{device}@1404000000>;tag=1\r\nTo: <sip:{device}@1404000000>\r\n"
        f"Call-ID: call-1\r\nCSeq: 2 REGISTER\r\nAuthorization: {credentials}\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def answer(device: str, status: int) -> bytes:
    return (
        f"SIP/2.0 {status} OK\r\nFrom: <sip:{device}@1404000000>;tag=1\r\n"
        f"To: <sip:{device}@1404000000>;tag=2\r\nCall-ID: call-1\r\nCSeq: 2 REGISTER\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def keepalive(device: str) -> bytes:
    body = f"<Notify><CmdType>Keepalive</CmdType><DeviceID>{device}</DeviceID></Notify>"
    return (
        f"MESSAGE sip:14040000002000000001@1404000000 SIP/2.0\r\n"
        f"From: <sip:{device}@1404000000>;tag=3\r\nTo: <sip:{device}@1404000000>\r\n"
        f"Call-ID: call-2\r\nCSeq: 3 MESSAGE\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
