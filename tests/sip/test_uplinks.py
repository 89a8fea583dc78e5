"""The facade towards upper platforms over real sockets: two servers, one above the other."""

import asyncio
import random
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from sip.events import (
    CatalogItem,
    CatalogReceived,
    DeviceDisconnected,
    DeviceRegistered,
    DeviceUnregistered,
    KeepaliveReceived,
)
from sip.gb28181.catalog import build_catalog_notify, build_catalog_response
from sip.gb28181.subscription import Topic
from sip.message import Peer
from sip.roles.upward.terms import (
    Uplink,
    UplinkChanged,
    UplinkRefused,
    UplinkState,
    UpperAsked,
    UpperSubscribed,
)
from sip.server import Credential, PeerUnreachable, SipConfig, SipServer
from tests.ports import free_port

UPPER_ID = "34000000002000000001"
LOWER_ID = "34020000002000000001"
CAMERA = "34020000001320000001"
PASSWORD = "go-up-12345"
HOST = "127.0.0.1"
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def make_server(server_id, *, port=0, **config):
    values = {"host": HOST, "port": port, "advertised_host": HOST} | config
    return SipServer(
        SipConfig(server_id=server_id, domain=server_id[:10], **values),
        {LOWER_ID: Credential(PASSWORD)}.get,
        lambda: datetime.now(UTC),
        random.Random(int(server_id)).randbytes,
    )


def uplink_to(upper, transport="udp", **changes):
    values = {
        "platform_id": UPPER_ID,
        "domain": UPPER_ID[:10],
        "host": HOST,
        "port": upper if isinstance(upper, int) else upper.port,
        "transport": transport,
        "own_id": LOWER_ID,
        "password": PASSWORD,
    } | changes
    return Uplink(**values)


async def next_of(events, kind, wanted=lambda event: True):
    async with asyncio.timeout(60):
        async for event in events:
            if isinstance(event, kind) and wanted(event):
                return event
    raise AssertionError("events ended")


async def in_state(events, state):
    return await next_of(events, UplinkChanged, lambda event: event.status.state is state)


@asynccontextmanager
async def pair(transport, **changes):
    """Both servers, the lower one registered; yields them with the lower one's uplink events."""
    async with make_server(UPPER_ID) as upper, make_server(LOWER_ID) as lower:
        events = lower.uplinks.events()
        lower.uplinks.set(uplink_to(upper, transport, **changes))
        await in_state(events, UplinkState.REGISTERED)
        yield upper, lower, events


@TRANSPORTS
async def test_register_keepalive_and_goodbye(transport):
    async with make_server(UPPER_ID) as upper:
        heard = upper.events()
        async with make_server(LOWER_ID) as lower:
            events = lower.uplinks.events()
            settings = {"keepalive_interval_s": 0.2, "keepalive_count": 1000}
            lower.uplinks.set(uplink_to(upper, transport, **settings))
            await in_state(events, UplinkState.REGISTERED)
            registered = await next_of(heard, DeviceRegistered)
            assert (registered.device_id, registered.peer.transport) == (LOWER_ID, transport)
            if transport == "udp":
                assert registered.peer.port == lower.port  # the same port, for NAT
            for _ in range(2):
                assert (await next_of(heard, KeepaliveReceived)).status == "OK"
            assert lower.uplinks.status(UPPER_ID).state is UplinkState.REGISTERED
            assert lower.stats()["uplinks.registered"] == 1
        # The lower server stops by the rules.
        await next_of(heard, DeviceUnregistered)


@TRANSPORTS
async def test_a_catalog_query_is_asked_and_answered(transport):
    async with pair(transport) as (upper, lower, events), asyncio.TaskGroup() as group:
        asking = group.create_task(upper.query_catalog(LOWER_ID))
        asked = await next_of(events, UpperAsked)
        for number in range(3):
            items = [CatalogItem(f"3402000000132{number:07d}", f"{number}号井")]
            body = build_catalog_response(LOWER_ID, asked.envelope.sn, items, 3)
            await lower.uplinks.send(UPPER_ID, body)
        catalog = await asking
        assert catalog.complete and len(catalog.items) == 3


@TRANSPORTS
async def test_a_subscription_is_made_and_notified(transport):
    async with pair(transport) as (upper, lower, events):
        heard = upper.events()
        await upper.subscriptions.follow_catalog(LOWER_ID)
        subscribed = await next_of(events, UpperSubscribed)
        assert (subscribed.topic, subscribed.is_renewal) == (Topic.CATALOG, False)
        body = build_catalog_notify(LOWER_ID, 1, [CatalogItem(CAMERA, event="OFF")])
        assert lower.uplinks.notify(UPPER_ID, Topic.CATALOG, body)
        told = await next_of(heard, CatalogReceived)
        assert [(item.device_id, item.event) for item in told.items] == [(CAMERA, "OFF")]
        assert not lower.uplinks.notify(UPPER_ID, Topic.ALARM, body)


@TRANSPORTS
async def test_an_upper_that_restarts_has_us_back(transport):
    async with make_server(LOWER_ID) as lower:
        events = lower.uplinks.events()
        port = free_port()
        settings = {"keepalive_interval_s": 0.2, "retry_s": 0.2, "longest_retry_s": 0.4}
        async with make_server(UPPER_ID, port=port):
            lower.uplinks.set(uplink_to(port, transport, **settings))
            await in_state(events, UplinkState.REGISTERED)
        async with make_server(UPPER_ID, port=port) as upper:
            await next_of(upper.events(), DeviceRegistered)
            await in_state(events, UplinkState.REGISTERED)
            assert upper.is_registered(LOWER_ID)


async def test_a_lost_connection_is_offline_on_both_sides():
    async with pair("tcp", retry_s=0.1) as (upper, lower, events):
        heard = upper.events()
        server = uplink_to(upper, "tcp")
        lower._listener.disconnect(Peer("tcp", server.host, server.port))
        await next_of(heard, DeviceDisconnected)
        waiting = await in_state(events, UplinkState.WAITING)
        assert waiting.status.failure == "unreachable"
        await in_state(events, UplinkState.REGISTERED)


async def test_an_upper_nobody_listens_at_is_unreachable():
    async with make_server(LOWER_ID) as lower:
        events = lower.uplinks.events()
        lower.uplinks.set(uplink_to(free_port(), "tcp"))
        waiting = await in_state(events, UplinkState.WAITING)
        assert waiting.status.failure == "unreachable"
        with pytest.raises(PeerUnreachable):
            await lower.uplinks.send(UPPER_ID, b"<Notify/>")


async def test_a_half_open_connection_is_closed_and_made_anew():
    """An upper that takes everything and says nothing, after it has registered us."""
    granted = asyncio.Queue()

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        kept = [
            line
            for line in head.split("\r\n")
            if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")
        ]
        kept = [f"{line};tag=s" if line.startswith("To:") else line for line in kept]
        lines = ["SIP/2.0 200 OK", *kept, "Expires: 3600", "Content-Length: 0", "", ""]
        writer.write("\r\n".join(lines).encode())
        granted.put_nowait(None)
        while await reader.read(4096):
            pass
        writer.close()

    listening = await asyncio.start_server(serve, HOST, 0)
    async with listening, make_server(LOWER_ID) as lower:
        events = lower.uplinks.events()
        port = listening.sockets[0].getsockname()[1]
        lower.uplinks.set(uplink_to(port, "tcp", keepalive_interval_s=0.1))
        await in_state(events, UplinkState.REGISTERED)
        missed = await in_state(events, UplinkState.REGISTERING)
        assert missed.status.failure == "keepalives_missed"
        await in_state(events, UplinkState.REGISTERED)
        async with asyncio.timeout(60):
            await granted.get()
            await granted.get()


async def test_what_waits_ends_with_the_server():
    async with make_server(LOWER_ID) as lower:
        events = lower.uplinks.events()
        async with make_server(UPPER_ID) as upper:
            lower.uplinks.set(uplink_to(upper, "udp"))
            await in_state(events, UplinkState.REGISTERED)

        async def send():
            with pytest.raises(PeerUnreachable):
                await lower.uplinks.send(UPPER_ID, b"<Notify/>")

        async with asyncio.TaskGroup() as group:
            group.create_task(send())
            await asyncio.sleep(0)
            assert lower.stats()["uplinks.letters"] == 1
            lower.uplinks.remove(UPPER_ID)


async def test_our_own_address_is_refused():
    async with make_server(LOWER_ID) as lower:
        with pytest.raises(UplinkRefused):
            lower.uplinks.set(uplink_to(lower))
        assert lower.uplinks.statuses() == ()


async def test_removing_what_is_not_there_is_fine():
    async with make_server(LOWER_ID) as lower:
        lower.uplinks.remove(UPPER_ID)
        assert lower.uplinks.status(UPPER_ID) is None
        assert lower.uplinks.next_sn(UPPER_ID) == 1
