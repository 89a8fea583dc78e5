"""A power cut: the whole platform with its database, and a fleet that comes, comes again and goes.

    PYTHONPATH=. python bench/bench_storm.py [--devices 5000] [--channels 4] [--arrivals 500]

Three storms after one another: all devices come for the first time and their catalogues are taken
in; all lose power, and within seconds all register anew; all say goodbye. Said of each: how long
until the REST interface shows it, what CPU time the platform took, the slowest answer of the API
meanwhile, and what was lost. A JSON object; exit code 1 where a device or an event was lost.
"""

import asyncio
import contextlib
import json
import os
import re
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from sip.message import Peer
from sip.simulator.profile import RegistrationState
from tests.e2e.platform import Platform
from vms.cli.simulate import let_in_fleet
from vms.cli.workbench import open_workbench
from vms.config import load
from vms.simulation.fleet import FleetOrder, RunningFleet, fleet_ids, fleet_name

HOST = "127.0.0.1"
LONGEST_S = 900.0
LOOK_EVERY_S = 0.25
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Watch:
    """CPU time of the platform and times of its API, from one storm to the next."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.slowest_s = 0.0

    def cpu_s(self) -> float:
        """User and system time of the platform's process so far."""
        assert self._platform.running is not None
        stat = Path(f"/proc/{self._platform.running.process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / TICKS_PER_S

    async def total(self, path: str) -> int:
        """How many the API has of something; remembers the slowest answer."""
        begun = time.monotonic()
        answer = await asyncio.to_thread(self._platform.get, path)
        self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
        assert answer.status == 200, answer.body
        return int(answer.json()["total"])

    async def until(self, path: str, count: int) -> None:
        """Ask until the API has so many."""
        async with asyncio.timeout(LONGEST_S):
            while True:
                if await self.total(path) == count:
                    return
                await asyncio.sleep(LOOK_EVERY_S)


async def until(holds: Callable[[], bool]) -> None:
    """Look again and again."""
    async with asyncio.timeout(LONGEST_S):
        while True:
            if holds():
                return
            await asyncio.sleep(LOOK_EVERY_S)


async def storm(watch: Watch, *steps: tuple[str, Callable[[], bool] | tuple[str, int]]) -> dict:
    """Wait for each step in turn; answers the seconds and CPU seconds at which it was reached."""
    begun, cpu, watch.slowest_s = time.monotonic(), watch.cpu_s(), 0.0
    figures: dict[str, float] = {}
    for name, step in steps:
        if callable(step):
            await until(step)
        else:
            await watch.until(*step)
        figures[f"{name}_s"] = round(time.monotonic() - begun, 1)
        figures[f"{name}_cpu_s"] = round(watch.cpu_s() - cpu, 2)
    figures["slowest_answer_s"] = round(watch.slowest_s, 2)
    return figures


async def sail(platform: Platform, arguments: Namespace) -> dict[str, object]:
    """All three storms."""
    devices = arguments.devices
    ids = fleet_ids(devices)
    os.environ.update(platform.env)
    config = load(None, {"data": str(platform.data)})
    async with open_workbench(config) as bench:
        named = {device_id: fleet_name(device_id) for device_id in ids}
        passwords = await let_in_fleet(bench, named, "12345678")
    order = FleetOrder(
        passwords=passwords,
        server=Peer("udp", HOST, platform.sip_port),
        server_id=config.sip.server_id,
        domain=config.sip.domain,
        channels=arguments.channels,
        retry_interval_s=5.0,
        window=arguments.arrivals,
    )
    watch = Watch(platform)
    online = "/api/v1/devices?online=true&size=1"

    @contextlib.asynccontextmanager
    async def at_sea(say_goodbye: bool):
        fleet = RunningFleet(order, host=HOST)
        running = asyncio.create_task(fleet.run())
        yield lambda: fleet.count(RegistrationState.REGISTERED) == devices
        fleet.says_goodbye = say_goodbye
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    figures: dict[str, object] = {"devices": devices, "channels": arguments.channels}
    async with at_sea(False) as registered:
        figures["first"] = await storm(
            watch,
            ("registered", registered),
            ("shown", (online, devices)),
            ("channels", ("/api/v1/channels?online=true&size=1", devices * arguments.channels)),
        )
    async with at_sea(True) as registered:
        figures["again"] = await storm(
            watch, ("registered", registered), ("shown", (online, devices))
        )
        begun = time.monotonic(), watch.cpu_s()
    figures["goodbye"] = await storm(watch, ("shown", (online, 0)))
    figures["farewell_s"] = round(time.monotonic() - begun[0], 1)
    figures["load"] = os.getloadavg()
    assert platform.running is not None
    log = platform.running.log
    figures["errors"] = sum(" ERROR " in line or "Traceback" in line for line in log.splitlines())
    metrics = platform.get("/metrics").body.decode()
    counted = re.findall(r"^(\S*(?:overflow|dropped)\S*) (\S+)$", metrics, re.MULTILINE)
    figures["lost"] = {name: float(value) for name, value in counted if float(value)}
    return figures


def main() -> int:
    """Run it and print what came out."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=5000)
    parser.add_argument("--channels", type=int, default=4)
    parser.add_argument("--arrivals", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        platform = Platform(Path(folder), VMS_SIP__REGISTRATIONS_PER_S="500")
        with platform.run():
            figures = asyncio.run(sail(platform, arguments))
    print(json.dumps(figures, indent=1, ensure_ascii=False))
    return 1 if figures["lost"] or figures["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
