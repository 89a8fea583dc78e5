"""What the trace of SIP messages costs: keepalives of registered devices with and without it.

    PYTHONPATH=. python bench/bench_sip_trace.py [--devices 1000] [--rounds 40]

Both in one process and in turns, so that their ratio is worth something on a busy machine. Prints
keepalives per second and core of each, and how much slower the one with the trace is.
"""

import json
import time
from argparse import ArgumentParser
from datetime import UTC, datetime

from sip.endpoint import Endpoint
from sip.events import PeerAddress
from sip.message import Peer
from sip.roles.bindings import RegistrationSnapshot
from sip.roles.config import SipConfig
from vms.ids import random_bytes

SERVER_ID = "14040000002000000001"
AT = datetime(2026, 5, 1, tzinfo=UTC)
LATER = datetime(2036, 5, 1, tzinfo=UTC)


def device(number: int) -> tuple[str, Peer]:
    host = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return f"1404000000111{number:07d}", Peer("udp", host, 5060)


def make(devices: int, trace_messages: int) -> Endpoint:
    """A server at which so many devices are registered."""
    config = SipConfig(
        server_id=SERVER_ID,
        domain=SERVER_ID[:10],
        advertised_host="10.0.0.1",
        trace_messages=trace_messages,
    )
    endpoint = Endpoint(config, lambda _: None, lambda: AT, random_bytes)
    known = [device(number) for number in range(devices)]
    endpoint.restore(
        (
            RegistrationSnapshot(name, PeerAddress("udp", peer.host, 5060), "", "", "", AT, LATER)
            for name, peer in known
        ),
        0.0,
    )
    return endpoint


def keepalive(name: str, number: int) -> bytes:
    body = (
        "<?xml version='1.0' encoding='GB2312'?>\r\n<Notify>\r\n<CmdType>Keepalive</CmdType>\r\n"
        f"<SN>{number}</SN>\r\n<DeviceID>{name}</DeviceID>\r\n<Status>OK</Status>\r\n</Notify>\r\n"
    )
    return (
        f"MESSAGE sip:{SERVER_ID}@{SERVER_ID[:10]} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 10.0.0.9:5060;rport;branch=z9hG4bK{name}{number}\r\n"
        f"From: <sip:{name}@{SERVER_ID[:10]}>;tag={number}\r\n"
        f"To: <sip:{SERVER_ID}@{SERVER_ID[:10]}>\r\nCall-ID: {name}-{number}@10.0.0.9\r\n"
        f"CSeq: {number} MESSAGE\r\nMax-Forwards: 70\r\nUser-Agent: bench\r\n"
        f"Content-Type: Application/MANSCDP+xml\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def beat(endpoint: Endpoint, devices: int, number: int) -> float:
    """Let each device send one keepalive; return the CPU seconds that it took."""
    packets = [(keepalive(name, number), peer) for name, peer in map(device, range(devices))]
    now = number * 60.0
    begun = time.process_time()
    for data, peer in packets:
        endpoint.receive(data, peer, now)
        endpoint.data_to_send(now)
        while endpoint.next_event() is not None:
            pass
    endpoint.handle_timer(now)
    return time.process_time() - begun


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    endpoints = [make(arguments.devices, messages) for messages in (0, 1000)]
    best = [float("inf")] * 2
    for number in range(1, arguments.rounds + 1):
        for place in (number % 2, 1 - number % 2):
            best[place] = min(best[place], beat(endpoints[place], arguments.devices, number))
    rates = [arguments.devices / seconds for seconds in best]
    figures = {
        "keepalives_per_s_without": round(rates[0]),
        "keepalives_per_s_with": round(rates[1]),
        "slower_by": round(best[1] / best[0] - 1, 3),
        "us_per_message": round((best[1] - best[0]) / arguments.devices / 2 * 1e6, 2),
        "trace": endpoints[1].trace.sizes(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
