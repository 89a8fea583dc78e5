"""Threat 11 in full: strangers flood the platform with REGISTERs while a fleet keeps alive.

    PYTHONPATH=. python bench/bench_flood.py [--per-second 2000] [--seconds 30] [--devices 200]

The flood comes from one address that has no registration, each REGISTER with an id and a Call-ID of
its own. Exit code 1 where a device lost its registration or a keepalive was not answered.
"""

import asyncio
import json
import multiprocessing
import socket
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from multiprocessing.synchronize import Event
from pathlib import Path

from bench.bench_signalling import let_in, pid_of
from bench.signalling.load import HOST, register
from bench.signalling.subjects import cpu_s
from sip.simulator.profile import RegistrationState
from tests.e2e.platform import Platform
from vms.simulation.fleet import RunningFleet, fleet_ids

PORTION_S = 0.02
KEEPALIVE_S = 5.0
LONGEST_S = 120.0


def flood(port: int, per_second: int, over: Event) -> None:
    """Send so many a second until told otherwise; answers are thrown away by the system."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sent, begun = 0, time.monotonic()
        while not over.is_set():
            due = int((time.monotonic() - begun) * per_second)
            for number in range(sent, due):
                data = register(f"14040000001187{number % 1_000_000:06d}", number)
                sock.sendto(data, (HOST, port))
            sent = due
            time.sleep(PORTION_S)


async def endure(platform: Platform, arguments: Namespace) -> dict[str, object]:
    """The fleet under the flood; answers what came of it."""
    devices = arguments.devices
    ids = fleet_ids(devices)
    order = await let_in(platform, ids, channels=1, keepalive_s=KEEPALIVE_S)
    fleet = RunningFleet(order, host=HOST)
    running = asyncio.create_task(fleet.run())
    async with asyncio.timeout(LONGEST_S):
        while True:
            if fleet.count(RegistrationState.REGISTERED) == devices:
                break
            await asyncio.sleep(0.1)
    registrations = fleet.counter("registered")
    over = multiprocessing.Event()
    flooding = multiprocessing.Process(
        target=flood, args=(platform.sip_port, arguments.per_second, over)
    )
    before, begun = cpu_s(pid_of(platform)), time.monotonic()
    flooding.start()
    fewest = devices
    while time.monotonic() - begun < arguments.seconds:
        await asyncio.sleep(1.0)
        answer = await asyncio.to_thread(platform.get, "/api/v1/devices?online=true&size=1")
        fewest = min(fewest, answer.json()["total"])
    used, passed = cpu_s(pid_of(platform)) - before, time.monotonic() - begun
    over.set()
    flooding.join()
    metrics = platform.get("/metrics").body.decode().splitlines()
    dropped = next(float(line.split()[-1]) for line in metrics if "flood.dropped" in line)
    figures: dict[str, object] = {
        "devices": devices,
        "fewest_online": fewest,
        "registered_anew": fleet.counter("registered") - registrations,
        "flood_dropped": dropped,
        "platform_core_share": round(used / passed, 3),
    }
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return figures


def main() -> int:
    """Run it and print what came out."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--per-second", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--devices", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = {"VMS_SIP__KEEPALIVE_INTERVAL_S": str(int(KEEPALIVE_S))}
        platform = Platform(Path(folder), **settings)
        with platform.run():
            figures = asyncio.run(endure(platform, arguments))
    print(json.dumps(figures, indent=1))
    held = figures["fewest_online"] == figures["devices"] and not figures["registered_anew"]
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
