"""A power cut in small: some hundred devices vanish, come again all at once, and go; and strangers
who do their worst while somebody looks at a picture.

`make storm` does the first with five thousand (bench/bench_storm.py).
"""

import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.platform import READY_S, Platform
from tests.sip.interop.peers import message, register, request
from tests.sip.interop.test_hostile_xml import HOSTILE

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

DEVICES = 300
ONLINE = "/api/v1/devices?online=true&size=1"
FLEET = ("--fleet", str(DEVICES), "--channels", "1", "--password", "12345678")
ALL_REGISTERED = rf"registered {DEVICES}/{DEVICES}"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with Platform(tmp_path).run() as platform:
        yield platform


def has(count: int):
    return lambda page: page["total"] == count


def lost(platform: Platform) -> dict[str, float]:
    """Counters of what must never be lost, those that are not zero."""
    found = {}
    for line in platform.get("/metrics").body.decode().splitlines():
        name, _, value = line.rpartition(" ")
        watched = ("events.dropped", "events.overflow", "flood.dropped", "bus_dropped_total")
        if name.startswith("#") or not any(word in name for word in watched):
            continue
        if float(value):
            found[name] = float(value)
    return found


def test_a_fleet_that_lost_its_power_is_back_and_nothing_was_lost(platform: Platform) -> None:
    with platform.simulate(*FLEET) as fleet:
        fleet.wait_for(ALL_REGISTERED)
        platform.eventually(ONLINE, has(DEVICES))
        platform.eventually("/api/v1/channels?online=true&size=1", has(DEVICES))
        fleet.kill()
    with platform.simulate(*FLEET) as fleet:
        fleet.wait_for(ALL_REGISTERED)
        # The API answers in between, whatever the database has to write.
        assert platform.get("/healthz").status == 200
        assert platform.get(ONLINE).json()["total"] == DEVICES
        assert fleet.stop() == 0
    platform.eventually(ONLINE, has(0))
    assert lost(platform) == {}
    assert platform.running is not None
    assert "Traceback" not in platform.running.log


class Watcher:
    """Somebody who looks at a picture, and how much of it has come."""

    def __init__(self, url: str) -> None:
        self._stream = urllib.request.urlopen(url, timeout=READY_S)
        self.received = 0
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while data := self._stream.read1(65_536):
            self.received += len(data)

    def wait_for_more(self, octets: int) -> None:
        """Wait until the picture has gone on by so much."""
        wanted, deadline = self.received + octets, time.monotonic() + READY_S
        while self.received < wanted:
            assert time.monotonic() < deadline, "the picture stands still"
            assert self._thread.is_alive(), "the picture has ended"
            time.sleep(0.05)

    def leave(self) -> None:
        """Go."""
        self._stream.fp.raw._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._stream.close()


def storm(port: int) -> None:
    """Floods, hostile bodies and heads without end, from an address that is nobody."""
    knock = register("34020000001180000077")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number in range(8000):
            data = knock.replace(b"call-", b"call-%d-" % number)
            sock.sendto(data, ("127.0.0.1", port))
            if number % 50 == 0:
                time.sleep(0.002)
        for body in HOSTILE.values():
            if len(body) < 30_000:
                sock.sendto(message(body), ("127.0.0.1", port))
        for method in ("INVITE", "SUBSCRIBE", "BYE", "NOTIFY"):
            sock.sendto(request(method), ("127.0.0.1", port))
    for head in (b"OPTIONS sip:a@b SIP/2.0\r\n" + b"X: y\r\n" * 50_000, b"\0" * 200_000):
        with socket.create_connection(("127.0.0.1", port)) as stream:
            try:
                stream.sendall(head)
            except ConnectionError:
                continue  # refused in the middle of it, as it should be


def test_a_running_picture_goes_on_while_strangers_storm(platform: Platform) -> None:
    with platform.simulate("--boxes", "1"):
        code = platform.channels_online(1)[0]["code"]
        live = platform.post(f"/api/v1/channels/{code}/live", {}).json()
        watcher = Watcher(live["urls"]["http_flv"])
        try:
            watcher.wait_for_more(50_000)
            storm(platform.sip_port)
            watcher.wait_for_more(200_000)
            assert platform.get("/healthz").status == 200
            assert platform.get(ONLINE).json()["total"] == 1
        finally:
            watcher.leave()
    metrics = platform.get("/metrics").body.decode()
    (dropped,) = [line for line in metrics.splitlines() if '"flood.dropped"' in line]
    assert float(dropped.split()[-1]) > 0
    assert platform.running is not None
    assert "Traceback" not in platform.running.log
