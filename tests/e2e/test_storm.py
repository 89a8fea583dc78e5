"""A power cut in small: some hundred devices vanish, come again all at once, and go.

`make storm` does it with five thousand (bench/bench_storm.py).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.platform import Platform

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
