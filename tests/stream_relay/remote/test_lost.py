"""A cable that breaks, a node that dies, a controller that dies: what is told, what is left."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from stream_relay.errors import Overload, RelayUnreachable, StreamClosed
from stream_relay.events import EndReason, FirstPacket, SourceRejected, StreamEnded
from stream_relay.relay import Relay
from stream_relay.remote import session as session_module
from stream_relay.remote.connection import Node
from stream_relay.remote.fleet import RelayFleet
from stream_relay.remote.relay import RemoteRelay
from stream_relay.remote.server import RelayServer
from tests.ports import free_port, free_ports
from tests.stream_relay.media import Camera, Clock, pictures, udp_socket
from tests.stream_relay.remote.stage import (
    FAST,
    NODE,
    SECRET,
    Desk,
    Stage,
    node_of,
    patience,
    remote_stage,
)
from tests.stream_relay.test_relay import HOST, config, shown, until

IMPATIENT = patience(silence_s=0.4, answer_s=0.4)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with remote_stage() as each:
        yield each


async def playing(stage: Stage, sender, camera: Camera):
    """A stream whose first pictures have arrived."""
    receiver = await stage.desk.open()
    for packet in camera.packets(pictures(10, gop=100)):
        sender.sendto(packet, (HOST, receiver.port))
    assert len(await shown(receiver, 10)) == 10
    return receiver


async def test_cable_that_breaks_for_a_moment_costs_no_picture(stage):
    camera = Camera()
    with udp_socket() as sender:
        receiver = await playing(stage, sender, camera)
        reader = receiver.stream.open_reader("access-units")
        before, got = stage.cable.connections, []
        for start in (10, 20, 30):
            stage.cable.cut()
            sent = pictures(10, gop=100, start=start)
            for packet in camera.packets(sent):
                sender.sendto(packet, (HOST, receiver.port))
            async with asyncio.timeout(60):
                while len(got) < start + 10:
                    chunk = await anext(reader)
                    got += [chunk.unit] if chunk.unit else []
        reader.close()
        stamps = [unit.pts_ticks for unit in got]
        assert stamps == [index * 3600 for index in range(40)], "none twice, none missing"
        assert stage.cable.connections > before
        assert stage.remote.is_connected
        assert stage.desk.relay.streams() == (receiver.stream,)


async def test_events_of_the_time_without_cable_are_told_afterwards(stage):
    with udp_socket() as sender:
        receiver = await stage.desk.open()
        stage.cable.unplug()
        for packet in Camera().packets(pictures(5, gop=100)):
            sender.sendto(packet, (HOST, receiver.port))
        node_stream = stage.node.streams()[0]
        await until(lambda: node_stream.counters.packets > 4)
        stage.cable.plug()
        assert (await stage.desk.event(FirstPacket)).peer == sender.getsockname()
        assert len(await shown(receiver, 5)) == 5


async def test_node_that_is_gone_ends_its_streams_with_a_reason_and_is_found_again():
    async with remote_stage(remote_config=IMPATIENT) as stage:
        receiver = await stage.desk.open()
        reader = receiver.stream.open_reader("flv")
        stage.cable.unplug()
        assert await stage.desk.event(StreamEnded) == StreamEnded("s", EndReason.RELAY_LOST)
        with pytest.raises(StreamClosed, match="relay_lost"):
            await anext(reader)
        await until(lambda: not stage.remote.is_connected)
        with pytest.raises(RelayUnreachable, match=str(stage.cable.port)):
            await stage.desk.open()
        stage.cable.plug()
        await until(lambda: stage.remote.is_connected)
        assert (await stage.desk.open(name="t")).port > 0


async def test_power_cut_on_the_way_is_found_out():
    async with remote_stage(remote_config=IMPATIENT) as stage:
        await stage.desk.open()
        stage.cable.freeze()
        assert await stage.desk.event(StreamEnded) == StreamEnded("s", EndReason.RELAY_LOST)
        await until(lambda: "no answer" in stage.remote.fault)
        stage.cable.unplug()
        stage.cable.thaw()
        stage.cable.plug()
        await until(lambda: stage.remote.is_connected)


async def test_controller_that_is_gone_leaves_no_port_at_the_node():
    async with remote_stage(
        node_config=node_of(controller_silence_s=0.4), remote_config=patience(answer_s=0.4)
    ) as stage:
        await stage.desk.open()
        await stage.desk.open(name="t", ssrc=5)
        assert len(stage.node.streams()) == 2
        stage.cable.freeze()
        await until(lambda: stage.node.streams() == ())
        await until(lambda: stage.server.sessions == 0)


async def test_controller_that_leaves_says_so():
    async with remote_stage() as stage:
        await stage.desk.open()
        await stage.remote.__aexit__(None, None, None)
        await until(lambda: stage.node.streams() == ())
        assert stage.server.sessions == 0
        await stage.remote.__aenter__()  # the fixture leaves it again


async def test_node_that_goes_down_is_told_at_once_as_lost(stage):
    receiver = await stage.desk.open()
    ending = asyncio.get_running_loop().create_task(stage.server.__aexit__(None, None, None))
    assert await stage.desk.event(StreamEnded) == StreamEnded("s", EndReason.RELAY_LOST)
    assert receiver.stream.end_reason is EndReason.RELAY_LOST
    await ending
    await stage.server.__aenter__()  # the fixture leaves it again


async def test_node_that_was_started_anew_is_joined_anew():
    clock = Clock().wall
    port = free_port()
    async with Relay(config(), clock) as node, Relay(config(), clock) as local:
        async with RemoteRelay(Node(f"http://{HOST}:{port}", SECRET), local, clock, FAST) as remote:
            desk = Desk(remote)
            for name in ("a", "b"):
                async with RelayServer(node, node_of(port=port), clock):
                    await until(lambda: remote.is_connected)
                    await desk.open(name=name)
                ended = await desk.event(StreamEnded, name)
                assert ended.reason is EndReason.RELAY_LOST
                await until(lambda: not remote.is_connected)


async def test_stream_that_is_given_up_while_it_is_opened_leaves_no_port(stage):
    await stage.desk.open(name="t", ssrc=9)
    stage.cable.freeze()
    opening = asyncio.get_running_loop().create_task(stage.desk.open())
    await until(lambda: stage.remote.stream("s") is not None)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    stage.cable.thaw()
    await until(lambda: {s.id.partition("/")[0] for s in stage.node.streams()} == {"t"})
    assert [stream.id for stream in stage.remote.streams()] == ["t"]


async def test_wish_to_close_that_is_lost_is_said_again(stage):
    receiver = await stage.desk.open()
    stage.cable.unplug()
    await receiver.close()
    stage.cable.plug()
    await until(lambda: stage.node.streams() == ())


async def test_events_that_are_too_many_are_counted_and_the_end_is_found_out(stage, monkeypatch):
    monkeypatch.setattr(session_module, "MAX_KEPT_EVENTS", 2)
    receiver = await stage.desk.open()
    stage.cable.unplug()
    session = next(iter(stage.server._sessions.values()))
    node_stream = stage.node.streams()[0]
    await session.close(1)
    await until(lambda: not session._numbers)
    await stage.node.open_receiver("x", "udp", 1, ssrc_check=True, signalling_host=None)
    session._numbers["x"] = 99
    for count in range(5):
        session.happened(SourceRejected("x", ("10.0.0.1", 1), count))
    assert node_stream.end_reason is EndReason.CLOSED
    stage.cable.plug()
    assert await stage.desk.event(StreamEnded) == StreamEnded("s", EndReason.RELAY_LOST)
    assert receiver.stream.end_reason is EndReason.RELAY_LOST


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"secret": SECRET[::-1]}, "refused: the signature is wrong: not the same secret"),
        ({"wall": Clock(now=5000.0).wall}, "refused: the clocks of the two machines differ"),
    ],
    ids=["secret", "clock"],
)
async def test_node_that_refuses_us_is_told_with_its_reason(changes, reason):
    async with remote_stage(**changes) as stage:
        with pytest.raises(RelayUnreachable, match=reason):
            await stage.desk.open()
        assert stage.node.streams() == ()
        assert stage.server.sessions == 0


@contextlib.asynccontextmanager
async def impostor(status: int, body: bytes) -> AsyncIterator[int]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, json.dumps({"version": 1, "session": "a" * 32, "silence_s": 5}).encode()),
        (200, b"<html>"),
        (302, b""),
        (503, b'{"code":"overload","detail":"full"}'),
        (200, b"x" * 1_000_000),
    ],
)
async def test_whoever_does_not_know_the_secret_is_not_believed(status, body):
    clock = Clock().wall
    async with impostor(status, body) as port, Relay(config(), clock) as local:
        async with RemoteRelay(Node(f"http://{HOST}:{port}", SECRET), local, clock, FAST) as remote:
            with pytest.raises(RelayUnreachable):
                await Desk(remote).open()
            assert not remote.is_connected


@contextlib.asynccontextmanager
async def fleet_of(*ports: range) -> AsyncIterator[tuple[RelayFleet, list[Relay]]]:
    clock = Clock().wall
    async with contextlib.AsyncExitStack() as stack:
        nodes, addresses = [], []
        for each in ports:
            node = await stack.enter_async_context(Relay(config(ports=each), clock))
            server = await stack.enter_async_context(RelayServer(node, NODE, clock))
            nodes.append(node)
            addresses.append(Node(f"http://{HOST}:{server.port}", SECRET))
        addresses.append(Node(f"http://{HOST}:{free_port()}", SECRET))  # nobody is there
        local = await stack.enter_async_context(Relay(config(), clock))
        fleet = await stack.enter_async_context(RelayFleet(addresses, local, clock, FAST))
        await until(lambda: sum(relay.is_connected for relay in fleet.relays) == len(ports))
        yield fleet, nodes


async def test_streams_go_to_the_node_with_the_fewest():
    async with fleet_of(range(0), range(0)) as (fleet, nodes):
        desk = Desk(fleet)
        opened = [await desk.open(name=f"c{index}") for index in range(4)]
        assert [len(node.streams()) for node in nodes] == [2, 2]
        assert set(fleet.streams()) == {each.stream for each in opened}
        assert fleet.stream("c3") is opened[3].stream
        forwarder = await fleet.forward(opened[3].stream, "tcp-passive", ssrc=1, host=HOST, port=0)
        assert forwarder.port > 0
        await opened[3].close()
        with pytest.raises(StreamClosed):
            await fleet.forward(opened[3].stream, "udp", ssrc=1, host=HOST, port=9)


async def test_full_node_is_followed_by_the_next_until_all_are_full():
    ports = free_ports(6)
    async with fleet_of(ports[:2], ports[2:]) as (fleet, nodes):
        desk = Desk(fleet)
        for index in range(3):
            await desk.open(name=f"c{index}")
        assert [len(node.streams()) for node in nodes] == [1, 2]
        with pytest.raises(Overload):
            await desk.open(name="one-too-many")


async def test_fleet_without_a_node_says_what_is_wrong_with_each():
    async with fleet_of() as (fleet, _):
        with pytest.raises(RelayUnreachable, match=fleet.relays[0].url):
            await Desk(fleet).open()
