"""A fleet on real sockets against a real SIP server."""

import asyncio
from datetime import UTC, datetime

from sip.events import DeviceRegistered, DeviceUnregistered, Event
from sip.message import Peer
from sip.server import Credential, SipConfig, SipServer
from sip.simulator.profile import RegistrationState
from tests.vms.bench import eventually
from vms.ids import random_bytes
from vms.simulation.fleet import FleetOrder, RunningFleet, fleet_ids, fleet_name

HOST = "127.0.0.1"
SERVER_ID = "14040000002000000001"
DEVICES = 500


def test_ids_are_distinct_codes_and_the_same_each_time() -> None:
    ids = fleet_ids(1000)
    assert len(set(ids)) == 1000
    assert all(len(each) == 20 and each.isdigit() for each in ids)
    assert ids == fleet_ids(1000)
    assert fleet_name(ids[41]) == "模拟设备 42"


async def test_five_hundred_devices_come_answer_and_go() -> None:
    ids = fleet_ids(DEVICES)
    config = SipConfig(
        server_id=SERVER_ID, domain=SERVER_ID[:10], host=HOST, port=0, advertised_host=HOST,
        registrations_per_s=100_000,
    )  # fmt: skip
    events: list[Event] = []
    async with SipServer(
        config, {each: Credential("secret") for each in ids}.get, lambda: datetime.now(UTC),
        random_bytes,
    ) as server:  # fmt: skip

        async def listen() -> None:
            async for event in server.events():
                events.append(event)

        def heard(kind: type[Event]) -> int:
            return len({e.device_id for e in events if isinstance(e, kind)})

        order = FleetOrder(
            passwords=dict.fromkeys(ids, "secret"),
            server=Peer("udp", HOST, server.port),
            server_id=SERVER_ID,
            domain=SERVER_ID[:10],
            retry_interval_s=1.0,
        )
        fleet = RunningFleet(order, host=HOST)
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(listen())
            running = group.create_task(fleet.run())
            await eventually(lambda: heard(DeviceRegistered) == DEVICES)
            catalog = await server.query_catalog(ids[-1])
            assert [item.name for item in catalog.items] == [
                f"{DEVICES}-{n} 号" for n in range(1, 5)
            ]
            assert catalog.complete
            assert await eventually(lambda: fleet.count(RegistrationState.REGISTERED) == DEVICES)
            running.cancel()
            await eventually(lambda: heard(DeviceUnregistered) == DEVICES)
            listening.cancel()
