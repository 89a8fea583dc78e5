"""A fleet of simulated devices registers at a SIP server in another process, over loopback.

    PYTHONPATH=. python bench/bench_fleet.py [--devices 10000] [--storm 1000]

Prints the time until all are registered, the CPU time of both sides, memory per device, and then
how long a storm takes in which so many devices register anew at once.
"""

import asyncio
import json
import multiprocessing
import os
import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

from sip.events import DeviceRefreshed, DeviceRegistered
from sip.message import Peer
from sip.server import Credential, SipConfig, SipServer
from sip.simulator.profile import RegistrationState
from vms.ids import random_bytes
from vms.simulation.fleet import FleetOrder, RunningFleet, fleet_ids

HOST = "127.0.0.1"
SERVER_ID = "14040000002000000001"
PASSWORD = "12345678"
ROUND_S = 0.01


def memory_bytes() -> int:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def until(probe: Callable[[], bool]) -> None:
    """Look again and again until it is true."""
    while True:
        if probe():
            return
        await asyncio.sleep(ROUND_S)


async def serve(pipe: Connection, devices: int) -> None:
    """The platform: a SIP server that counts; tells its port, then its figures when asked."""
    config = SipConfig(
        server_id=SERVER_ID, domain=SERVER_ID[:10], host=HOST, port=0, advertised_host=HOST,
        registrations_per_s=100_000,
    )  # fmt: skip
    credential = Credential(PASSWORD)
    known = dict.fromkeys(fleet_ids(devices), credential)
    counts = {"registered": 0, "refreshed": 0}

    async def listen(server: SipServer) -> None:
        async for event in server.events():
            if isinstance(event, DeviceRegistered):
                counts["registered"] += 1
            elif isinstance(event, DeviceRefreshed):
                counts["refreshed"] += 1

    before = memory_bytes()
    async with SipServer(config, known.get, lambda: datetime.now(UTC), random_bytes) as server:
        pipe.send(server.port)
        listening = asyncio.create_task(listen(server))
        await until(pipe.poll)
        stats = server.stats()
        listening.cancel()
        pipe.send(
            counts
            | {
                "cpu_s": round(time.process_time(), 2),
                "bytes_per_device": (memory_bytes() - before) // devices,
                "retransmissions": stats.get("retransmission", 0),
                "events_lost": stats["events.overflow"] + stats["events.dropped"],
            }
        )


def platform(pipe: Connection, devices: int) -> None:
    """Entry of the other process."""
    asyncio.run(serve(pipe, devices))


async def sail(port: int, devices: int, storm: int) -> dict[str, object]:
    """The fleet: registers, then a part of it registers anew."""
    ids = fleet_ids(devices)
    order = FleetOrder(
        passwords=dict.fromkeys(ids, PASSWORD),
        server=Peer("udp", HOST, port),
        server_id=SERVER_ID,
        domain=SERVER_ID[:10],
        retry_interval_s=2.0,
    )
    before = memory_bytes()
    running_fleet = RunningFleet(order, host=HOST)
    started, cpu = time.monotonic(), time.process_time()
    running = asyncio.create_task(running_fleet.run())
    await until(lambda: running_fleet.count(RegistrationState.REGISTERED) == devices)
    figures: dict[str, object] = {
        "devices": devices,
        "registered_after_s": round(time.monotonic() - started, 2),
        "fleet_cpu_s": round(time.process_time() - cpu, 2),
        "fleet_bytes_per_device": (memory_bytes() - before) // devices,
    }
    idle_wall, idle_cpu = time.monotonic(), time.process_time()
    await asyncio.sleep(10)
    share = (time.process_time() - idle_cpu) / (time.monotonic() - idle_wall)
    figures["fleet_cpu_share_keepalives"] = round(share, 3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    again = RunningFleet(
        FleetOrder(
            passwords=dict.fromkeys(ids[:storm], PASSWORD),
            server=order.server,
            server_id=SERVER_ID,
            domain=SERVER_ID[:10],
            window=storm,
        ),
        host=HOST,
    )
    started = time.monotonic()
    running = asyncio.create_task(again.run())
    await until(lambda: again.count(RegistrationState.REGISTERED) == storm)
    figures[f"storm_of_{storm}_s"] = round(time.monotonic() - started, 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return figures


def main() -> None:
    """Run it and print one JSON object."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--storm", type=int, default=1000)
    arguments = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=platform, args=(theirs, arguments.devices)
    )
    process.start()
    figures = asyncio.run(sail(ours.recv(), arguments.devices, arguments.storm))
    ours.send("done")
    figures["platform"] = ours.recv()
    process.join()
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
