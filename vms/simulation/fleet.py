"""A fleet on the network: thousands of registered devices in one process over few sockets."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from channel_registry.codes import ChannelCode
from sip.message import Peer
from sip.simulator.fleet import Fleet, FleetPlan
from sip.simulator.profile import DeviceProfile, Faults, RegistrationState, SimulatedChannel
from sip.transport.driver import Driver
from sip.transport.udp import UdpTransport
from vms.ids import random_bytes
from vms.simulation.plan import free_port, local_address

logger = logging.getLogger(__name__)

MOST_DEVICES = 100_000
DEVICES_PER_SOCKET = 10_000
FAREWELL_S = 30.0
PROGRESS_S = 2.0
CENTRE = "149900"
"""A county that does not exist, so that no code meets one of a real mine."""

INDUSTRY_MINING = "41"
NETWORK_INDUSTRY = "2"
TYPE_NVR, TYPE_CAMERA = 118, 132


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOrder:
    """Which devices, and where they register."""

    passwords: Mapping[str, str]
    """By device id, as `fleet_ids` gives them."""
    server: Peer
    server_id: str
    domain: str
    channels: int = 4
    """Of each device."""
    keepalive_interval_s: float = 60.0
    retry_interval_s: float = 60.0
    expires_s: int = 3600
    window: int = 200
    """Devices per socket that register at the same time."""


def fleet_ids(devices: int) -> tuple[str, ...]:
    """So many device ids, always the same ones."""
    return tuple(_code(TYPE_NVR, number) for number in range(1, devices + 1))


def fleet_name(device_id: str) -> str:
    """What people see of one device."""
    return f"模拟设备 {int(device_id[-6:])}"


class RunningFleet:
    """All sockets of a fleet; `run` until it is cancelled, then the devices say goodbye."""

    def __init__(self, order: FleetOrder, faults: Faults | None = None, host: str = "") -> None:
        """`host` is the own address; empty: that of the card that leads to the platform."""
        self._host = host or local_address(order.server)
        self.says_goodbye = True
        """Whether the devices unregister at the end, or fall silent as in a power cut."""
        self._over = asyncio.Event()
        ids = list(order.passwords)
        shares = [
            ids[start : start + DEVICES_PER_SOCKET]
            for start in range(0, len(ids), DEVICES_PER_SOCKET)
        ]
        self.fleets = [self._make(order, share, faults) for share in shares]

    def count(self, state: RegistrationState) -> int:
        """How many devices are in a state."""
        return sum(fleet.states[state] for fleet, _ in self.fleets)

    def counter(self, name: str) -> int:
        """A counter over all sockets."""
        return sum(fleet.counters[name] for fleet, _ in self.fleets)

    async def run(self, on_progress: Callable[[int], None] | None = None) -> None:
        """Register and serve; `on_progress` hears how many are registered whenever that changes."""
        async with AsyncExitStack() as stack:
            drivers = []
            for fleet, port in self.fleets:
                driver = Driver(fleet, self._notice_end)
                await stack.enter_async_context(UdpTransport(driver, self._host, port))
                stack.callback(driver.close)
                drivers.append((fleet, driver))
            for fleet, driver in drivers:
                fleet.start(_now())
                driver.flush()
            try:
                await self._watch(on_progress)
            except asyncio.CancelledError:
                if self.says_goodbye:
                    await self._say_farewell(drivers)
                raise

    def _make(self, order: FleetOrder, ids: list[str], faults: Faults | None) -> tuple[Fleet, int]:
        port = free_port(self._host)
        template = DeviceProfile(
            device_id="",
            password="",
            server_id=order.server_id,
            domain=order.domain,
            server=order.server,
            local_host=self._host,
            local_port=port,
            expires_s=order.expires_s,
            keepalive_interval_s=order.keepalive_interval_s,
            retry_interval_s=order.retry_interval_s,
        )
        passwords = {device_id: order.passwords[device_id] for device_id in ids}

        def channels_of(device_id: str) -> tuple[SimulatedChannel, ...]:
            first = (int(device_id[-6:]) - 1) * order.channels
            return tuple(
                SimulatedChannel(_code(TYPE_CAMERA, first + n), f"{int(device_id[-6:])}-{n} 号")
                for n in range(1, order.channels + 1)
            )

        plan = FleetPlan(template, passwords, channels_of, order.window)
        return Fleet(plan, random_bytes, faults), port

    def _notice_end(self) -> None:
        if all(fleet.is_over for fleet, _ in self.fleets):
            self._over.set()

    async def _watch(self, on_progress: Callable[[int], None] | None) -> None:
        told = -1
        while True:
            registered = self.count(RegistrationState.REGISTERED)
            if registered != told and on_progress is not None:
                on_progress(registered)
            told = registered
            await asyncio.sleep(PROGRESS_S)

    async def _say_farewell(self, drivers: list[tuple[Fleet, Driver]]) -> None:
        self._over.clear()
        for fleet, driver in drivers:
            fleet.stop(_now())
            driver.flush()
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._over.wait()
        except TimeoutError:
            logger.info("platform did not answer", extra={"count": len(self.fleets)})


def _code(type_number: int, serial: int) -> str:
    return str(
        ChannelCode.build(
            centre=CENTRE,
            type_number=type_number,
            serial=serial,
            industry=INDUSTRY_MINING,
            network=NETWORK_INDUSTRY,
        )
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
