"""MANSCDP of devices gone bad, over real sockets (threat 13, quirks 15 to 23)."""

import asyncio
import contextlib
import tracemalloc

import pytest

from sip.events import (
    AlarmReceived,
    CatalogItem,
    CatalogReceived,
    KeepaliveReceived,
    PeerMisbehaved,
)
from sip.gb28181.catalog import MOST_ITEMS, CatalogCollection, CatalogPacket
from sip.server import CatalogResult
from tests.sip.interop.peers import (
    SUSPECT,
    Scene,
    TcpPeer,
    UdpPeer,
    connected,
    log_in,
    message,
    probe,
    request,
    status,
    xml,
)

CHANNEL = "34020000001320000001"
SECRET = "/etc/passwd"
LAUGHS = "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "ha">' for n in range(10)
)
HOSTILE = {
    "billion laughs": f"<!DOCTYPE Notify [{LAUGHS}]><Notify><CmdType>&l9;</CmdType></Notify>",
    "external entity": f'<!DOCTYPE Notify [<!ENTITY x SYSTEM "file://{SECRET}">]>'
    "<Notify><CmdType>Alarm</CmdType><SN>1</SN><AlarmDescription>&x;</AlarmDescription></Notify>",
    "external subset": f'<!DOCTYPE Notify SYSTEM "file://{SECRET}"><Notify/>',
    "parameter entity": f'<!DOCTYPE N [<!ENTITY % p SYSTEM "file://{SECRET}"> %p;]><N/>',
    "late doctype": "<Notify/><!DOCTYPE Notify [<!ENTITY a 'b'>]>",
    "unclosed": "<Notify><CmdType>Keepalive</CmdType><SN>1</SN>",
    "crossed": "<Notify><CmdType>Keepalive</Notify></CmdType>",
    "deep": "<a>" * 9000,
    "two roots": "<Notify><CmdType>Keepalive</CmdType></Notify><Notify/>",
    "empty": "",
    "only prolog": '<?xml version="1.0"?>',
    "no root of ours": "<Request><CmdType>Keepalive</CmdType></Request>",
    "no command": "<Notify><SN>1</SN></Notify>",
    "endless name": f"<{'N' * 60_000}/>",
    "attributes": "<Notify " + " ".join(f"a{n}=''" for n in range(6000)) + "/>",
    "references": "<Notify>" + "&#0;&#xD800;&#x110000;&#1;" * 2000 + "</Notify>",
    "ampersands": "<Notify>" + "&" * 60_000,
    "less-thans": "<Notify>" + "<" * 60_000,
    "names": "<Name>" * 9000,
    "utf-16": "\ufeff<Notify/>".encode("utf-16"),
    "binary": bytes(range(256)) * 200,
}

READABLE = {
    "UTF-8 called GB2312": xml("Notify", "Alarm", "<AlarmDescription>镕基矿</AlarmDescription>")
    .encode(),
    "GB18030 called UTF-8": xml("Notify", "Alarm", "<AlarmDescription>镕基矿</AlarmDescription>")
    .replace("GB2312", "UTF-8").encode("gb18030"),
    "no prolog": xml("Notify", "Alarm", "<AlarmDescription>镕基矿</AlarmDescription>")
    .partition("\r\n")[2].encode("gb18030"),
    "BOM": b"\xef\xbb\xbf"
    + xml("Notify", "Alarm", "<AlarmDescription>镕基矿</AlarmDescription>").encode(),
    "NUL": xml("Notify", "Alarm", "<AlarmDescription>镕\0基\0矿</AlarmDescription>")
    .encode("gb18030") + b"\0\0",
    "unknown label": xml("Notify", "Alarm", "<AlarmDescription>镕基矿</AlarmDescription>")
    .replace("GB2312", "x-nonsense").encode("gb18030"),
}  # fmt: skip


@contextlib.asynccontextmanager
async def suspect(scene: Scene, transport: str = "tcp"):
    async with connected(scene.server, transport) as peer:
        assert status(await log_in(peer, SUSPECT)) == 200
        yield peer


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_bodies_are_counted_told_once_and_never_read(scene: Scene, body, caplog):
    caplog.set_level("DEBUG")
    async with suspect(scene) as peer:
        for _ in range(3):
            answers = await probe(peer, message(body, sender=SUSPECT))
            assert [status(answer) for answer in answers] == [200]
        await scene.until(lambda: scene.counted_misdeeds() == 3)
    (told,) = await scene.heard(PeerMisbehaved)
    assert (told.count, len(told.sample) <= 32) == (1, True)
    assert await scene.heard(AlarmReceived) == []
    assert SUSPECT not in {event.device_id for event in await scene.heard(KeepaliveReceived)}
    assert "root:" not in caplog.text


@pytest.mark.parametrize("body", READABLE.values(), ids=READABLE)
async def test_bodies_under_a_wrong_label_are_read_right(scene: Scene, body):
    async with suspect(scene) as peer:
        await probe(peer, message(body, sender=SUSPECT))
        await probe(peer)
    (alarm,) = await scene.heard(AlarmReceived)
    assert alarm.description == "镕基矿"


async def test_a_body_of_nine_megabytes_is_refused_and_the_memory_given_back(scene: Scene):
    data = message(b"<a>" + b"x" * 9_000_000 + b"</a>", sender=SUSPECT)
    tracemalloc.start()
    try:
        async with suspect(scene) as peer:
            await peer.send(data)
            # The refusal is lost where the close overtakes what we are still sending.
            assert [status(answer) for answer in await peer.rest()] in ([400], [])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * 1024 * 1024
    assert scene.counted("tcp.framing_errors") == 1
    assert len(await scene.heard(PeerMisbehaved)) == 1


async def answer_query(peer: TcpPeer | UdpPeer) -> int:
    """Take the server's question, say 200, and return its SN."""
    query = await peer.next()
    head = query.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    kept = [line for line in head if not line.startswith((b"Content-", b"Max-", b"User-"))]
    await peer.send(b"\r\n".join([b"SIP/2.0 200 OK", *kept, b"Content-Length: 0", b"", b""]))
    return int(query.partition(b"<SN>")[2].partition(b"<")[0])


async def catalog_of(scene: Scene, peer: TcpPeer | UdpPeer, *packets: tuple[str, str]):
    """Ask for a catalog and answer with packets, each a SumNum element and its items."""
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(scene.server.query_catalog(SUSPECT, timeout_s=60.0))
        sn = await answer_query(peer)
        for sum_num, items in packets:
            fields = (sum_num, f'<DeviceList Num="9">{items}</DeviceList>')
            body = xml("Response", "Catalog", *fields, sn=sn, device=SUSPECT)
            answers = await probe(peer, message(body, sender=SUSPECT))
            assert [status(answer) for answer in answers] == [200]
    return asked.result()


def item(code: str, *more: str) -> str:
    return f"<Item><DeviceID>{code}</DeviceID>{''.join(more)}</Item>"


def codes(result: CatalogResult) -> list[str]:
    return [entry.device_id for entry in result.items]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_an_absurd_sum_ends_as_partial_after_the_pause(scene: Scene, transport):
    async with suspect(scene, transport) as peer:
        result = await catalog_of(scene, peer, ("<SumNum>1000000000</SumNum>", item(CHANNEL)))
    assert (result.complete, codes(result)) == (False, [CHANNEL])


async def test_a_senseless_sum_ends_as_partial(scene: Scene):
    for text in ("-1", "NaN", "1e99", "", "9" * 200, "&lt;"):
        async with suspect(scene) as peer:
            result = await catalog_of(scene, peer, (f"<SumNum>{text}</SumNum>", item(CHANNEL)))
        assert (result.complete, codes(result)) == (False, [CHANNEL])


async def test_a_parent_loop_and_items_of_their_own_parent_pass_as_they_are(scene: Scene):
    """Cutting loops is the tree's matter; here they must only do no harm."""
    other = CHANNEL[:-1] + "2"
    items = item(CHANNEL, f"<ParentID>{other}</ParentID>")
    items += item(other, f"<ParentID>{CHANNEL}/{other}</ParentID>")
    async with suspect(scene) as peer:
        result = await catalog_of(scene, peer, ("<SumNum>2</SumNum>", items))
    assert result.complete
    assert [entry.parent_ids for entry in result.items] == [(other,), (CHANNEL, other)]


async def test_a_repeated_packet_counts_once_and_a_late_one_is_passed_on(scene: Scene):
    packet = ("<SumNum>2</SumNum>", item(CHANNEL))
    async with suspect(scene) as peer:
        result = await catalog_of(scene, peer, packet, packet, packet)
        assert (result.complete, codes(result)) == (False, [CHANNEL])
        late = xml("Response", "Catalog", packet[0], f"<DeviceList>{item(CHANNEL)}</DeviceList>")
        await probe(peer, message(late, sender=SUSPECT))
        await probe(peer)
    passed = (await scene.heard(CatalogReceived))[-1]
    assert (passed.complete, passed.device_id) == (False, SUSPECT)


async def test_answers_under_the_same_sn_from_a_stranger_do_not_count(scene: Scene):
    async with suspect(scene) as peer, connected(scene.server, "tcp") as stranger:
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(scene.server.query_catalog(SUSPECT, timeout_s=60.0))
            sn = await answer_query(peer)
            fields = ("<SumNum>1</SumNum>", f"<DeviceList>{item(CHANNEL)}</DeviceList>")
            body = xml("Response", "Catalog", *fields, sn=sn, device=SUSPECT)
            forged = message(body, sender="34020000001180000009")
            assert [status(one) for one in await probe(stranger, forged)] == [403]
            assert not asked.done()
            await probe(peer, message(body, sender=SUSPECT))
        assert asked.result().complete


async def test_a_hundred_thousand_items_are_read_and_the_rest_is_passed_on(patient_scene: Scene):
    scene = patient_scene
    batches = [range(start, start + 10_000) for start in range(0, 110_000, 10_000)]
    async with suspect(scene) as peer:
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(scene.server.query_catalog(SUSPECT, timeout_s=60.0))
            sn = await answer_query(peer)
            for batch in batches:
                items = "".join(item(f"34020000001320{n:06d}") for n in batch)
                fields = ("<SumNum>100000</SumNum>", f"<DeviceList>{items}</DeviceList>")
                body = xml("Response", "Catalog", *fields, sn=sn, device=SUSPECT)
                assert status((await probe(peer, message(body, sender=SUSPECT)))[0]) == 200
                assert await scene.is_unharmed()
        await scene.until(lambda: scene.counted("bodies.long") == len(batches))
    assert (asked.result().complete, len(asked.result().items)) == (True, 100_000)
    (passed,) = await scene.heard(CatalogReceived)
    assert (passed.complete, len(passed.items)) == (False, 10_000)


def test_a_catalog_without_end_is_cut_off_in_memory():
    """A collection keeps 100,000 items at most; proven below the sockets, where it is quick."""
    collection = CatalogCollection()
    entries = tuple(CatalogItem(f"{n:020d}") for n in range(MOST_ITEMS + 10))
    collection.add_packet(CatalogPacket(SUSPECT, 1, 10**9, entries))
    assert (len(collection.items), collection.is_complete) == (MOST_ITEMS, False)


async def test_a_notify_outside_any_dialog_and_without_content_type_is_read(scene: Scene):
    body = xml("Notify", "Catalog", f"<DeviceList>{item(CHANNEL, '<Event>OFF</Event>')}"
               "</DeviceList>").encode()  # fmt: skip
    async with suspect(scene) as peer:
        data = request("NOTIFY", "Event: presence", body=body, sender=SUSPECT)
        assert [status(answer) for answer in await probe(peer, data)] == [200]
        await probe(peer)
    (told,) = await scene.heard(CatalogReceived)
    assert (told.is_notification, told.items[0].event) == (True, "OFF")
