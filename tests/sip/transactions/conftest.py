"""A layer under test and the packets of its peer."""

import itertools
from collections.abc import Callable

import pytest

from sip.message import Peer, Request, Response, build_request, parse_message
from sip.transactions import Event, TransactionLayer

DEVICE = Peer("udp", "192.0.2.101", 5060)
DEVICE_TCP = Peer("tcp", "192.0.2.101", 40000, 7)
PLATFORM = Peer("udp", "192.0.2.1", 5060)


def new_layer(host: str = "192.0.2.1", **limits: int) -> TransactionLayer:
    numbers = itertools.count(1)
    return TransactionLayer(lambda: f"{host[-1]}x{next(numbers)}", (host, 5060), **limits)


def request(method: str = "MESSAGE", cseq: int = 1, call_id: str = "c1", **changes: str) -> Request:
    built = build_request(
        method,
        "sip:34020000001320000001@192.0.2.101",
        from_="<sip:34020000002000000001@3402000000>;tag=f1",
        to="<sip:34020000001320000001@3402000000>",
        call_id=call_id,
        cseq=cseq,
        contact="<sip:34020000002000000001@192.0.2.1:5060>",
        headers=changes.items(),
    )
    return built


def device_request(
    method: str = "MESSAGE",
    *,
    branch: str = "z9hG4bKd1",
    cseq: int = 1,
    call_id: str = "c1",
    via: str | None = None,
) -> bytes:
    built = request(method, cseq, call_id)
    top = via or f"SIP/2.0/UDP 10.0.0.5:5060;rport;branch={branch}"
    built.headers.insert_first("Via", top)
    return built.to_bytes()


def sent(layer: TransactionLayer, now: float = 0.0) -> list[Request | Response]:
    return [parse_message(data, stream=True) for data, _ in layer.data_to_send(now)]


def run_until(
    layer: TransactionLayer, end: float, note: Callable[[float, bytes], None]
) -> list[Event]:
    """Let time pass from timer to timer; `note` gets every packet with its time."""
    layer.data_to_send(0.0)
    events: list[Event] = []
    while (when := layer.next_timer()) is not None and when <= end:
        events += layer.handle_timer(when)
        for data, _ in layer.data_to_send(when):
            note(when, data)
    return events


class Kit:
    """The functions above, for tests to call."""

    device = DEVICE
    device_tcp = DEVICE_TCP
    platform = PLATFORM
    new_layer = staticmethod(new_layer)
    request = staticmethod(request)
    device_request = staticmethod(device_request)
    sent = staticmethod(sent)
    run_until = staticmethod(run_until)


@pytest.fixture(scope="session")
def kit() -> Kit:
    return Kit()


@pytest.fixture
def layer() -> TransactionLayer:
    return new_layer()
