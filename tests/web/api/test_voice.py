"""Voice over REST and WebSocket."""

import asyncio
import json

import pytest
from aiohttp import ClientSession, WSServerHandshakeError

from tests.web.conftest import Client, Connect
from tests.web.fake_voice import ENTRY_ID, SOUND_ID
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, UNKNOWN

TALK = f"/api/v1/channels/{CHANNEL}/talk"
DRAFT = {"name": "交接班", "targets": {"channels": [CHANNEL]}}
ENTRY = {**DRAFT, "text": "交接班", "at": "07:45", "days": [5, 1]}


async def test_a_talk_begins_is_told_and_ends(operator: Client, services: FakeServices) -> None:
    assert await (await operator.get(TALK)).json() == {"channel": CHANNEL, "talk": None}
    answer = await operator.post(TALK, json={})
    assert answer.status == 201
    talk = (await answer.json())["talk"]
    assert (talk["by"], talk["microphone"]) == ("operator", "/api/v1/broadcasts/7/microphone")
    assert talk["targets"][0]["reason"] == "no_invite"
    assert (await (await operator.get(TALK)).json())["talk"]["id"] == "7"
    busy = await operator.post(TALK, json={})
    assert (busy.status, (await busy.json())["code"]) == (409, "talk_busy")
    assert (await busy.json())["facts"]["by"] == "operator"
    assert (await operator.delete(TALK, json={})).status == 204
    assert services.voice.talks == {}
    assert (await operator.get(f"/api/v1/channels/{UNKNOWN}/talk")).status == 404


@pytest.mark.parametrize(
    ("draft", "status"),
    [
        ({**DRAFT, "text": "撤离", "priority": 9, "times": 3}, 201),
        ({**DRAFT, "announcement": SOUND_ID}, 201),
        ({**DRAFT, "live": True}, 201),
        (DRAFT, 400),
        ({**DRAFT, "text": "a", "priority": 10}, 400),
        ({**DRAFT, "announcement": "../../etc/passwd"}, 400),
        ({**DRAFT, "text": "a", "targets": {"channels": ["1"]}}, 400),
        ({"text": "a", "targets": {}}, 400),
        ({**DRAFT, "text": "a\x00b"}, 400),
        ({**DRAFT, "txet": "a"}, 400),
    ],
)
async def test_a_broadcast_is_ordered(
    operator: Client, services: FakeServices, draft: dict[str, object], status: int
) -> None:
    answer = await operator.post("/api/v1/broadcasts", json=draft)
    assert answer.status == status
    made = await answer.json()
    if answer.status == 201:
        [order] = services.voice.orders
        assert order.targets.channels == (CHANNEL,)
        assert (order.priority, order.times) == (draft.get("priority", 5), draft.get("times", 1))
        assert (made["microphone"] is not None) is bool(draft.get("live"))
        shown = await operator.get(f"/api/v1/broadcasts/{made['id']}")
        assert (await shown.json())["name"] == "交接班"
    else:
        assert services.voice.orders == []


async def test_broadcasts_are_listed_and_stopped(operator: Client) -> None:
    [one] = (await (await operator.get("/api/v1/broadcasts")).json())["items"]
    assert (one["state"], one["played_s"], one["length_s"]) == ("speaking", 1.5, 3.0)
    stopped = await (await operator.delete("/api/v1/broadcasts/1", json={})).json()
    assert stopped["state"] == "stopped"
    assert (await operator.get("/api/v1/broadcasts/99")).status == 404


async def test_sound_goes_in_and_states_come_out(operator: Client, services: FakeServices) -> None:
    await operator.post(TALK, json={})
    path = "/api/v1/broadcasts/7/microphone?format=s16&rate=48000"
    async with operator.ws_connect(path) as socket:
        first = json.loads(await socket.receive_str())
        assert (first["id"], first["state"]) == ("7", "speaking")
        await socket.send_bytes(b"\1\2" * 480)
        await socket.send_str("not listened to")
        await socket.send_bytes(b"\3\4")
        while len(services.voice.heard) < 2:
            await socket.receive_str()
        assert services.voice.heard == [b"\1\2" * 480, b"\3\4"]
        services.voice.ended.set()
        last = ""
        async for message in socket:
            last = message.data
        assert json.loads(last)["state"] == "done"
    assert services.voice.formats == [("s16", 48000)]


async def test_a_microphone_that_leaves_ends_the_talk(
    operator: Client, services: FakeServices
) -> None:
    await operator.post(TALK, json={})
    async with operator.ws_connect("/api/v1/broadcasts/7/microphone") as socket:
        await socket.receive_str()
    async with asyncio.timeout(30):
        await services.voice.left.wait()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/broadcasts/8/microphone", 404),
        ("/api/v1/broadcasts/7/microphone?rate=1", 400),
        ("/api/v1/broadcasts/7/microphone?format=mp3", 400),
    ],
)
async def test_a_microphone_without_a_talk_is_refused(
    operator: Client, path: str, status: int
) -> None:
    await operator.post(TALK, json={})
    with pytest.raises(WSServerHandshakeError) as refused:
        await operator.ws_connect(path)
    assert refused.value.status == status


async def test_only_who_began_it_speaks_and_only_over_a_websocket(
    operator: Client, admin: Client
) -> None:
    await operator.post(TALK, json={})
    with pytest.raises(WSServerHandshakeError) as refused:
        await admin.ws_connect("/api/v1/broadcasts/7/microphone")
    assert refused.value.status == 404
    assert (await operator.get("/api/v1/broadcasts/7/microphone")).status == 426


async def test_another_sites_page_gets_no_microphone(
    connect: Connect, services: FakeServices
) -> None:
    browser = await connect(Cookie=f"vms_session={services.users.open_session('operator')}")
    origin = {"Origin": "http://evil.example"}
    with pytest.raises(WSServerHandshakeError) as refused:
        await browser.ws_connect("/api/v1/broadcasts/1/microphone", headers=origin)
    assert refused.value.status == 403
    assert isinstance(browser.session, ClientSession)


async def test_a_sound_file_is_kept_heard_and_removed(
    operator: Client, services: FakeServices
) -> None:
    upload = "/api/v1/announcements/file?name=班前会"
    headers = {"Content-Type": "audio/wav"}
    made = await operator.post(upload, data=b"RIFF" + bytes(10_000), headers=headers)
    assert made.status == 201, "larger than a JSON body may be"
    assert services.voice.uploads == [b"RIFF" + bytes(10_000)]
    [kept] = (await (await operator.get("/api/v1/announcements")).json())["items"]
    assert (kept["name"], kept["by"], kept["length_s"]) == ("班前会", "operator", 2.5)
    sound = await operator.get(kept["url"])
    assert (sound.content_type, await sound.read()) == ("audio/wav", b"RIFF")
    assert (await operator.delete(f"/api/v1/announcements/{SOUND_ID}", json={})).status == 204
    assert (await operator.get(kept["url"])).status == 404
    refused = await operator.post(upload, data=b"bad", headers=headers)
    assert (await refused.json())["code"] == "invalid"


async def test_a_text_is_kept_as_sound(operator: Client) -> None:
    answer = await operator.post("/api/v1/announcements", json={"name": "撤离", "text": "请撤离"})
    assert answer.status == 201
    empty = await operator.post("/api/v1/announcements", json={"name": "撤离", "text": ""})
    assert empty.status == 400


async def test_too_large_a_file_is_refused(
    operator: Client, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.api.announcements.LARGEST_FILE", 1000)
    upload = "/api/v1/announcements/file?name=a"
    answer = await operator.post(upload, data=bytes(5000), headers={"Content-Type": "audio/wav"})
    assert answer.status == 413
    assert services.voice.uploads == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("audio/wav", 201),
        ("application/octet-stream", 201),
        ("text/plain", 415),
        ("multipart/form-data", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
async def test_no_form_of_another_site_can_upload(
    connect: Connect, services: FakeServices, kind: str, status: int
) -> None:
    browser = await connect(
        Cookie=f"vms_session={services.users.open_session('operator')}",
        **{"Sec-Fetch-Site": "same-origin"},
    )
    headers = {"Content-Type": kind}
    answer = await browser.post("/api/v1/announcements/file?name=a", data=b"x", headers=headers)
    assert answer.status == status


async def test_the_timetable_is_kept(operator: Client, services: FakeServices) -> None:
    made = await operator.post("/api/v1/broadcast-timetable", json=ENTRY)
    assert made.status == 201
    entry = await made.json()
    assert (entry["id"], entry["at"], entry["days"]) == (ENTRY_ID, "07:45", [1, 5])
    assert entry["targets"]["channels"] == [CHANNEL]
    path = f"/api/v1/broadcast-timetable/{ENTRY_ID}"
    changed = await operator.put(path, json={**ENTRY, "at": "19:00", "enabled": False})
    assert (await changed.json())["at"] == "19:00"
    [listed] = (await (await operator.get("/api/v1/broadcast-timetable")).json())["items"]
    assert listed == await changed.json()
    assert (await operator.delete(path, json={})).status == 204
    assert (await operator.put(path, json=ENTRY)).status == 404


@pytest.mark.parametrize(
    "change", [{"at": "24:00"}, {"at": "7:45"}, {"days": []}, {"days": [0]}, {"days": [8]}]
)
async def test_senseless_times_are_refused(operator: Client, change: dict[str, object]) -> None:
    answer = await operator.post("/api/v1/broadcast-timetable", json={**ENTRY, **change})
    assert answer.status == 400
