"""What signalling costs: CPU time of the process that answers, against SIPp and a bare socket.

    PYTHONPATH=. python bench/bench_signalling.py [--count 20000] [--quick]

CPU time per operation, not wall time: other programs may use the machine meanwhile. A registration
is REGISTER, 401, REGISTER with digest, 200. The last two rows are of the whole platform with its
database: keepalives of 20,000 devices once a minute are 333 a second, and a catalogue of 20,000
channels is taken in. Prints a table and writes build/bench_signalling.json.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.signalling.load import HOST, Blaster, device_ids
from bench.signalling.subjects import cpu_s, floor, ours, sipp
from sip.message import Peer
from sip.simulator.profile import RegistrationState
from tests.e2e.platform import Platform
from vms.cli.simulate import let_in_fleet
from vms.cli.workbench import open_workbench
from vms.config import load
from vms.simulation.fleet import FleetOrder, RunningFleet, fleet_ids, fleet_name

ROOT = Path(__file__).resolve().parent.parent
FLEET_OF_20000_PER_S = 20_000 / 60
SETTLE_S = 20.0
"""After the catalogues have come: subscriptions, and what is written late."""
Subject = Callable[[], AbstractContextManager[tuple[int, int]]]


@dataclass
class Row:
    """One figure."""

    name: str
    what: str
    value: float
    unit: str
    reference: str = ""
    ratio: float | None = None
    note: str = ""


def cost(subject: Subject, work: Callable[[Blaster, int], int], count: int, *, warm: int) -> float:
    """CPU microseconds per operation of whoever answers."""
    with subject() as (port, pid):
        blaster = Blaster(port, device_ids(1000))
        try:
            blaster.register(warm)
            before = cpu_s(pid)
            assert work(blaster, count) == count, "not every one was answered 200"
            return (cpu_s(pid) - before) / count * 1e6
        finally:
            blaster.close()


def small_rows(count: int) -> list[Row]:
    """Our signalling plane, without services, beside its references."""
    bare = cost(lambda: floor(1), Blaster.keep_alive, count, warm=0)
    their_keepalive = cost(lambda: sipp("uas.xml"), Blaster.keep_alive, count, warm=0)
    our_keepalive = cost(lambda: ours(1000), Blaster.keep_alive, count, warm=1000)
    their_register = cost(lambda: sipp("registrar.xml"), Blaster.register, count, warm=0)
    our_register = cost(lambda: ours(1000), Blaster.register, count, warm=0)
    return [
        Row("floor_echo", "a datagram read and answered, nothing more", bare, "us"),
        Row("sipp_keepalive", "SIPp answers a MESSAGE", their_keepalive, "us"),
        Row("keepalive", "a keepalive read and answered", our_keepalive, "us",
            "sipp_keepalive", our_keepalive / their_keepalive,
            f"{1e6 / our_keepalive:.0f}/s per core"),
        Row("sipp_registration", "SIPp challenges and accepts, unproven", their_register, "us"),
        Row("registration", "challenge, proof, binding", our_register, "us",
            "sipp_registration", our_register / their_register,
            f"{1e6 / our_register:.0f}/s per core"),
    ]  # fmt: skip


async def until(holds: Callable[[], bool]) -> None:
    """Look again and again."""
    while True:
        if holds():
            return
        await asyncio.sleep(0.1)


async def fleet_rows(platform: Platform, devices: int, seconds: float) -> Row:
    """Keepalives of a fleet at the whole platform, as many a second as of 20,000 devices."""
    interval_s = max(5.0, devices / FLEET_OF_20000_PER_S)
    order = await let_in(platform, fleet_ids(devices), channels=1, keepalive_s=interval_s)
    pid = pid_of(platform)
    idle = await share_of(pid, SETTLE_S)
    fleet = RunningFleet(order, host=HOST)
    running = asyncio.create_task(fleet.run())
    await until(lambda: fleet.count(RegistrationState.REGISTERED) == devices)
    await channels_are(platform, devices)
    await asyncio.sleep(SETTLE_S)
    share = await share_of(pid, seconds)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    each = (share - idle) / (devices / interval_s)
    whole = idle + each * FLEET_OF_20000_PER_S
    return Row(
        "platform_keepalive",
        "a keepalive at the platform, status and database included",
        each * 1e6,
        "us",
        note=f"20,000 devices, 60 s: {whole:.1%} of a core, {idle:.1%} of it without any",
    )


async def share_of(pid: int, seconds: float) -> float:
    """The part of a core that a process takes."""
    before, begun = cpu_s(pid), time.monotonic()
    await asyncio.sleep(seconds)
    return (cpu_s(pid) - before) / (time.monotonic() - begun)


async def channels_are(platform: Platform, count: int) -> None:
    """Wait until the catalogues have come."""
    while True:
        answer = await asyncio.to_thread(platform.get, "/api/v1/channels?size=1")
        if answer.json()["total"] == count:
            return
        await asyncio.sleep(0.2)


async def catalogue_row(platform: Platform, channels: int) -> list[Row]:
    """One device with very many channels comes for the first time, and once more."""
    order = await let_in(platform, fleet_ids(1), channels=channels, keepalive_s=60.0)
    fleet = RunningFleet(order, host=HOST)
    pid = pid_of(platform)
    before, begun = cpu_s(pid), time.monotonic()
    running = asyncio.create_task(fleet.run())
    await channels_are(platform, channels)
    used, passed = cpu_s(pid) - before, time.monotonic() - begun
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return [
        Row("catalogue_cpu", f"a catalogue of {channels} channels taken in, CPU", used, "s",
            note=f"{used / channels * 1e6:.0f} us per channel"),
        Row("catalogue_wall", "the same on the clock, the simulated device included", passed, "s"),
    ]  # fmt: skip


def pid_of(platform: Platform) -> int:
    """The platform's process."""
    assert platform.running is not None
    return platform.running.process.pid


async def let_in(
    platform: Platform, ids: tuple[str, ...], *, channels: int, keepalive_s: float
) -> FleetOrder:
    """Give devices their passwords, and say what they do."""
    os.environ.update(platform.env)
    config = load(None, {"data": str(platform.data)})
    async with open_workbench(config) as bench:
        named = {device_id: fleet_name(device_id) for device_id in ids}
        passwords = await let_in_fleet(bench, named, "12345678")
    return FleetOrder(
        passwords=passwords,
        server=Peer("udp", HOST, platform.sip_port),
        server_id=config.sip.server_id,
        domain=config.sip.domain,
        channels=channels,
        keepalive_interval_s=keepalive_s,
        retry_interval_s=5.0,
    )


def platform_rows(arguments: Namespace) -> list[Row]:
    """The whole platform, a fresh one for each."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        platform = Platform(Path(folder))
        with platform.run():
            rows.append(
                asyncio.run(fleet_rows(platform, arguments.platform_devices, arguments.seconds))
            )
    with tempfile.TemporaryDirectory() as folder:
        platform = Platform(Path(folder))
        with platform.run():
            rows += asyncio.run(catalogue_row(platform, arguments.channels))
    return rows


def main() -> int:
    """Take the figures and print them."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--platform-devices", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--channels", type=int, default=20_000)
    parser.add_argument("--quick", action="store_true", help="only the signalling plane")
    arguments = parser.parse_args()
    rows = small_rows(arguments.count)
    if not arguments.quick:
        rows += platform_rows(arguments)
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:5.2f} of {row.reference}"
        print(f"{row.name:20} {row.value:10.1f} {row.unit:3} {ratio:28} {row.note}  ({row.what})")
    (ROOT / "build").mkdir(exist_ok=True)
    found = {"load": os.getloadavg(), "rows": [asdict(row) for row in rows]}
    (ROOT / "build" / "bench_signalling.json").write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
