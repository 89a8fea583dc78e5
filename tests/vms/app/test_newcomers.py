"""Devices that another process adds while the platform runs: `vms device add`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from channel_registry.queries.devices import add_device, set_device_secret
from sip.message import Peer
from sip.simulator.profile import RegistrationState
from tests.vms.app.conftest import Launch
from tests.vms.bench import eventually
from vms.config import Config
from vms.secrets import Secrets
from vms.services.store import Store
from vms.simulation.fleet import FleetOrder, RunningFleet, fleet_ids
from vms.storage.worker import DatabaseWorker

HOST = "127.0.0.1"
NEVER_S = 3600.0
"""Who is refused comes back after this time: after the test."""


@asynccontextmanager
async def other_process(data: Path) -> AsyncIterator[tuple[Store, Secrets]]:
    """A second door to the same file, as a command has it."""
    async with DatabaseWorker(f"sqlite:///{data / 'vms.sqlite3'}") as worker:
        yield Store(worker), Secrets(data)


def devices(config: Config, port: int, password: str) -> RunningFleet:
    order = FleetOrder(
        passwords=dict.fromkeys(fleet_ids(3), password),
        server=Peer("udp", HOST, port),
        server_id=config.sip.server_id,
        domain=config.sip.domain,
        retry_interval_s=NEVER_S,
    )
    return RunningFleet(order, host=HOST)


async def test_device_added_by_a_command_is_let_in_when_it_first_knocks(
    launch: Launch, config: Callable[..., Config], tmp_path: Path
) -> None:
    async with launch() as started, other_process(tmp_path / "data") as (store, secrets):
        for device_id in fleet_ids(3):
            secret = secrets.encrypt("secret")
            await store.run(add_device, device_id, at=datetime.now(UTC), name="", secret=secret)
        fleet = devices(config(), started.sip_port, "secret")
        async with asyncio.TaskGroup() as group:
            running = group.create_task(fleet.run())
            await eventually(lambda: fleet.count(RegistrationState.REGISTERED) == 3)
            running.cancel()


async def test_password_changed_by_a_command_counts_at_once(
    launch: Launch, config: Callable[..., Config], tmp_path: Path
) -> None:
    async with launch() as started, other_process(tmp_path / "data") as (store, secrets):
        ids = fleet_ids(3)
        for password in ("first", "second"):
            secret = secrets.encrypt(password)
            for device_id in ids:
                if password == "first":
                    at = datetime.now(UTC)
                    await store.run(add_device, device_id, at=at, name="", secret=secret)
                else:
                    await store.run(set_device_secret, device_id, secret)
            fleet = devices(config(), started.sip_port, password)
            async with asyncio.TaskGroup() as group:
                running = group.create_task(fleet.run())
                await eventually(lambda fleet=fleet: fleet.count(RegistrationState.REGISTERED) == 3)
                running.cancel()
