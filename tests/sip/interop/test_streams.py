"""TCP as devices and attackers cut it: framing, bounds, and who pays (threat 3)."""

import asyncio
import socket
import tracemalloc

import pytest

from sip.events import KeepaliveReceived, PeerMisbehaved
from tests.sip.interop.peers import (
    SUSPECT,
    Scene,
    call_id,
    connected,
    keepalive,
    log_in,
    message,
    probe,
    request,
    status,
    xml,
)


async def test_one_octet_per_segment(scene: Scene):
    async with connected(scene.server, "tcp") as peer:
        peer.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await log_in(peer, SUSPECT)
        for octet in keepalive(SUSPECT, sender=SUSPECT):
            await peer.send(bytes([octet]))
        assert status(await peer.next()) == 200
    assert SUSPECT in {event.device_id for event in await scene.heard(KeepaliveReceived)}


@pytest.mark.parametrize("between", [b"", b"\r\n", b"\r\n\r\n", b"\n\n"])
async def test_many_messages_in_one_segment(scene: Scene, between):
    async with connected(scene.server, "tcp") as peer:
        await log_in(peer, SUSPECT)
        several = [keepalive(SUSPECT, sender=SUSPECT) for _ in range(5)]
        answers = await probe(peer, between.join(several))
        assert [call_id(answer) for answer in answers] == [call_id(one) for one in several]


async def test_a_body_full_of_line_ends_and_messages_is_not_taken_apart(scene: Scene):
    async with connected(scene.server, "tcp") as peer:
        await log_in(peer, SUSPECT)
        trap = b"\r\n\r\n" + request("OPTIONS") + b"\r\n\r\n"
        (answer,) = await probe(peer, message(trap, sender=SUSPECT))
        assert status(answer) == 200


@pytest.mark.parametrize(
    "length",
    ["", "Content-Length: -1", "Content-Length: 2147483648", "Content-Length: 1e3",
     "Content-Length: 5\r\nContent-Length: 6", "Content-Length: " + "9" * 5000],
    ids=lambda text: text[:30] or "missing",
)  # fmt: skip
async def test_a_stream_without_a_usable_length_is_refused_and_closed(scene: Scene, length):
    async with connected(scene.server, "tcp") as peer:
        await peer.send(request("OPTIONS", body=b"hello", length=length) + request("OPTIONS"))
        answers = await peer.rest()
    assert [status(answer) for answer in answers] == [400]
    (told,) = await scene.heard(PeerMisbehaved)
    assert (told.count, len(told.sample) <= 32) == (1, True)
    assert scene.counted("tcp.framing_errors") == 1


async def test_a_head_of_a_megabyte_without_end_is_cut_off_early(scene: Scene):
    """Twice, and told once: the second is only counted."""
    for _ in range(2):
        async with connected(scene.server, "tcp") as peer:
            await peer.send(b"OPTIONS sip:a@b SIP/2.0\r\n" + b"X-Fill: y\r\n" * 100_000)
            assert await peer.rest() == []
    assert len(await scene.heard(PeerMisbehaved)) == 1
    assert scene.counted("malformed.no end of headers") == 2


async def test_keepalive_pings_are_answered_and_a_flood_of_them_bounded(scene: Scene):
    async with connected(scene.server, "tcp") as peer:
        await peer.send(b"\r\n\r\n")
        async with asyncio.timeout(60):
            assert await peer.reader.readexactly(2) == b"\r\n"
        assert await probe(peer, b"\r\n" * 50_000) == []
    assert await scene.heard(PeerMisbehaved) == []


async def test_half_a_message_and_then_silence_or_reset_costs_nobody_else(scene: Scene):
    for cut in (1, 20, 300):
        async with connected(scene.server, "tcp") as peer:
            await peer.send(keepalive()[:cut])
            peer.writer.transport.abort()
        async with connected(scene.server, "tcp") as peer:
            await peer.send(keepalive()[:cut])
            assert await scene.is_unharmed()


async def test_a_stranger_cannot_make_us_hold_more_than_his_share(scene: Scene):
    """Forty connections, each with a body of four megabytes begun, none ever finished."""
    begun = message(b"x" * 1_000_000, length="Content-Length: 4000000")
    tracemalloc.start()
    try:
        peers = [connected(scene.server, "tcp") for _ in range(40)]
        strangers = [await peer.__aenter__() for peer in peers]
        for stranger in strangers:
            await stranger.send(begun)
        await scene.until(lambda: scene.counted("tcp.held_too_much") > 0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        for peer in peers:
            await peer.__aexit__(None, None, None)
    # 32 MiB are his share; the rest is what the test's own sockets hold.
    assert peak < 120 * 1024 * 1024


async def test_a_catalog_of_a_thousand_channels_in_one_message_is_read(scene: Scene):
    items = "\r\n".join(
        f"<Item><DeviceID>34020000001320{n:06d}</DeviceID><Name>{n}号摄像机，主井口东侧</Name>"
        "<Manufacturer>Hikvision</Manufacturer><Model>IP Camera</Model><Owner>Owner</Owner>"
        "<CivilCode>340200</CivilCode><Address>Address</Address><Parental>0</Parental>"
        f"<ParentID>{SUSPECT}</ParentID><Status>ON</Status><Longitude>117.1</Longitude></Item>"
        for n in range(1000)
    )
    async with connected(scene.server, "tcp") as peer:
        await log_in(peer, SUSPECT)
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(scene.server.query_catalog(SUSPECT, timeout_s=60.0))
            query = await peer.next()
            sn = int(query.partition(b"<SN>")[2].partition(b"<")[0])
            answer = b"SIP/2.0 200 OK\r\n" + query.partition(b"\r\n\r\n")[0].partition(b"\r\n")[2]
            answer = b"\r\n".join(
                line for line in answer.split(b"\r\n") if not line.startswith(b"Content-")
            )
            await peer.send(answer + b"\r\nContent-Length: 0\r\n\r\n")
            fields = ("<SumNum>1000</SumNum>", f'<DeviceList Num="1000">{items}</DeviceList>')
            data = message(xml("Response", "Catalog", *fields, sn=sn), sender=SUSPECT)
            assert len(data) > 300_000
            assert [status(one) for one in await probe(peer, data)] == [200]
            catalog = await asked
    assert (catalog.complete, len(catalog.items)) == (True, 1000)
    assert catalog.items[7].name == "7号摄像机，主井口东侧"
