"""Turning, presets, commands, configuration and pictures over REST."""

import pytest
from aiohttp import FormData

from tests.web.conftest import Client
from tests.web.fake_control import PICTURE, SESSION, TOKEN
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, DEVICE, OTHER, UNKNOWN
from vms.errors import Conflict, NotReady
from vms.records import Frame, HomePosition, Steering

CHANNEL_URL = f"/api/v1/channels/{CHANNEL}"
DEVICE_URL = f"/api/v1/devices/{DEVICE}"
JPEG = b"\xff\xd8\xff\xe0picture\xff\xd9"
UPLOAD = f"/api/v1/snapshot-uploads/{TOKEN}"


async def test_a_movement_is_one_entry_of_the_log_however_often_it_is_renewed(
    operator: Client, services: FakeServices
) -> None:
    for _ in range(3):
        answer = await operator.post(f"{CHANNEL_URL}/ptz", json={"pan": 0.5, "zoom": -1})
        assert answer.status == 200
    assert (await answer.json())["holder"] == "operator"
    assert services.ptz.moves == [Steering(pan=0.5, zoom=-1.0)] * 3
    assert services.users.log == [("operator", "move_ptz", CHANNEL, "ok")]
    assert (await operator.post(f"{CHANNEL_URL}/ptz", json={})).status == 200
    assert services.ptz.moves == []


@pytest.mark.parametrize("body", [{"pan": 2}, {"pan": "x"}, {"speed": 1}, []])
async def test_a_movement_that_makes_no_sense_is_refused(operator: Client, body: object) -> None:
    assert (await operator.post(f"{CHANNEL_URL}/ptz", json=body)).status == 400


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Conflict("ptz_held", holder="wang"), 409),
        (Conflict("ptz_missing"), 409),
        (Conflict("device_refused", detail="ERROR"), 502),
        (Conflict("edition_too_old", gb_version="2.0"), 409),
        (NotReady(code="device_offline"), 409),
        (NotReady(code="device_silent"), 504),
        (NotReady(code="device_unreachable"), 504),
    ],
)
async def test_what_failed_is_said_in_plain_words(
    operator: Client, services: FakeServices, error: Exception, status: int, language: str
) -> None:
    services.ptz.error = error
    answer = await operator.post(
        f"{CHANNEL_URL}/ptz", json={"pan": 1}, headers={"Accept-Language": language}
    )
    problem = await answer.json()
    assert answer.status == status
    assert problem["code"] == error.code
    assert problem["title"] and problem["detail"]
    assert problem["title"].isascii() is (language == "en")
    if error.code == "ptz_held":
        assert problem["facts"]["holder"] == "wang"


async def test_a_fixed_camera_says_so(viewer: Client) -> None:
    answer = await viewer.get(f"/api/v1/channels/{OTHER}/ptz")
    assert (await answer.json())["can_turn"] is False
    assert (await viewer.get(f"/api/v1/channels/{UNKNOWN}/ptz")).status == 404


async def test_a_camera_is_locked_and_given_back(operator: Client) -> None:
    locked = await (await operator.put(f"{CHANNEL_URL}/ptz/lock", json={"seconds": 60})).json()
    assert (locked["holder"], locked["is_locked"]) == ("operator", True)
    free = await (await operator.delete(f"{CHANNEL_URL}/ptz/lock", json={})).json()
    assert (free["holder"], free["is_locked"]) == (None, False)


async def test_presets_are_saved_called_and_deleted(
    operator: Client, services: FakeServices
) -> None:
    saved = await operator.put(f"{CHANNEL_URL}/presets/7", json={"name": " 井口 "})
    assert await saved.json() == {"number": 7, "name": "井口"}
    assert (await operator.post(f"{CHANNEL_URL}/presets/7/call", json={})).status == 204
    listed = await (await operator.get(f"{CHANNEL_URL}/presets")).json()
    assert [item["name"] for item in listed["items"]] == ["Gate", "井口"]
    assert (await operator.delete(f"{CHANNEL_URL}/presets/7", json={})).status == 204
    assert services.ptz_memory.done == [("call", 7)]
    assert services.ptz_memory.kept == {1: "Gate"}
    for number in (0, 256):
        wrong = await operator.put(f"{CHANNEL_URL}/presets/{number}", json={"name": "x"})
        assert wrong.status == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "done"),
    [
        (
            "PUT",
            "cruises/2",
            {"name": "场", "presets": [1, 4]},
            ("cruise", 2, "场", [1, 4], 10, 8),
        ),
        ("POST", "cruises/2/start", {}, ("start", 2)),
        ("POST", "scans/1", {"action": "left"}, ("scan", 1, "left", 0)),
        ("PUT", "home", {"enabled": True, "preset": 3}, ("home", HomePosition(True, 60, 3))),
        ("PUT", "ptz/switches/1", {"on": True}, ("switch", 1, True)),
        ("PUT", "ptz/position", {"pan": 12.5}, ("go", 12.5, None, None)),
        ("PUT", "ptz/track", {"mode": "auto"}, ("track", "Auto", "", None)),
        (
            "POST",
            "ptz/zoom",
            {"width": 640, "height": 360, "mid_x": 9, "mid_y": 8, "length_x": 7, "length_y": 6},
            ("zoom", Frame(640, 360, 9, 8, 7, 6), True),
        ),
    ],
)
async def test_what_a_head_does_by_itself(
    operator: Client,
    services: FakeServices,
    method: str,
    path: str,
    body: dict[str, object],
    done: tuple[object, ...],
) -> None:
    answer = await operator.request(method, f"{CHANNEL_URL}/{path}", json=body)
    assert answer.status == 204
    assert services.ptz_memory.done == [done]


async def test_what_a_head_tells(viewer: Client) -> None:
    home = await (await viewer.get(f"{CHANNEL_URL}/home")).json()
    assert home == {"enabled": True, "reset_s": 60, "preset": 1}
    cruises = await (await viewer.get(f"{CHANNEL_URL}/cruises")).json()
    assert cruises["items"] == [{"number": 0, "name": "Yard"}]
    assert (await viewer.get(f"{CHANNEL_URL}/cruises/0")).status == 200
    position = await (await viewer.get(f"{CHANNEL_URL}/ptz/position")).json()
    assert (position["pan"], position["view_distance_m"]) == (120.5, None)


@pytest.mark.parametrize(
    ("method", "url", "body", "done"),
    [
        ("PUT", f"{CHANNEL_URL}/device-recording", {"on": True}, ("record", True)),
        ("POST", f"{CHANNEL_URL}/key-frame", {}, ("key frame",)),
        ("PUT", f"{DEVICE_URL}/guard", {"on": False}, ("guard", False, "")),
        ("POST", f"{DEVICE_URL}/alarm-reset", {"method": "5"}, ("reset", "", "5", "")),
        ("POST", f"{DEVICE_URL}/reboot", {}, ("reboot",)),
    ],
)
async def test_commands_to_devices(
    admin: Client,
    services: FakeServices,
    method: str,
    url: str,
    body: dict[str, object],
    done: tuple[object, ...],
) -> None:
    assert (await admin.request(method, url, json=body)).status == 204
    assert services.device_control.done == [done]


async def test_cards_and_firmware(admin: Client) -> None:
    cards = await (await admin.get(f"{DEVICE_URL}/cards")).json()
    assert cards["items"][0]["free_mb"] == 0
    assert (await admin.post(f"{DEVICE_URL}/cards/1/format", json={})).status == 409
    never = await admin.get(f"{DEVICE_URL}/upgrade")
    assert (never.status, await never.json()) == (200, {"upgrade": None})
    assert (await admin.get(f"/api/v1/devices/{UNKNOWN}/upgrade")).status == 404
    body = {"firmware": "V2", "url": "http://10.1.2.3/v2.bin"}
    ordered = await (await admin.post(f"{DEVICE_URL}/upgrade", json=body)).json()
    assert (ordered["state"], ordered["session_id"]) == ("running", SESSION)
    assert await (await admin.get(f"{DEVICE_URL}/upgrade")).json() == {"upgrade": ordered}
    for url in ("file:///etc/passwd", "http://", "x"):
        wrong = await admin.post(f"{DEVICE_URL}/upgrade", json=body | {"url": url})
        assert wrong.status == 400


async def test_configuration_is_read_and_written(admin: Client, services: FakeServices) -> None:
    read = await (await admin.get(f"{CHANNEL_URL}/config?types=FrameMirror,OSDConfig")).json()
    assert services.device_config.asked == ["FrameMirror", "OSDConfig"]
    assert (read["missing"], read["restarting"]) == (["OSDConfig"], ["BasicParam"])
    assert read["configs"][0]["fields"][0]["most"] == 3
    path = f"{CHANNEL_URL}/config/FrameMirror"
    written = await (await admin.put(path, json={"values": {"mode": 2}})).json()
    assert written["values"] == {"mode": 2}
    wrong = await admin.put(path, json={"values": {"mode": 9}})
    assert wrong.status == 400
    assert (await wrong.json())["errors"][0]["field"] == "mode"
    assert (await admin.put(f"{DEVICE_URL}/config/Other", json={"values": {}})).status == 404


async def test_a_configuration_that_restarts_a_device_is_read_by_force(admin: Client) -> None:
    refused = await admin.get(f"{CHANNEL_URL}/config?types=BasicParam")
    problem = await refused.json()
    assert (refused.status, problem["code"]) == (409, "config_restarts")
    assert "重启" in problem["title"] and "force" in str(problem)
    assert (await admin.get(f"{CHANNEL_URL}/config?types=BasicParam&force=true")).status == 200


async def test_pictures_are_ordered_and_listed(operator: Client, services: FakeServices) -> None:
    ordered = await (await operator.post(f"{CHANNEL_URL}/snapshot", json={"count": 2})).json()
    assert (ordered["count"], ordered["state"]) == (2, "running")
    seen = await (await operator.get(f"{CHANNEL_URL}/snapshot/{SESSION}")).json()
    assert (seen["state"], seen["received"]) == ("done", [PICTURE])
    listed = await (await operator.get(f"{CHANNEL_URL}/snapshots")).json()
    shown = await operator.get(listed["items"][0]["url"])
    assert (shown.status, shown.content_type) == (200, "image/jpeg")
    assert (await operator.get("/api/v1/snapshots/..%2F..%2Fkey")).status in (400, 404)


@pytest.mark.parametrize("name", ["", "/34020000001320000001022026050110000012301.jpg"])
async def test_a_camera_uploads_without_login(
    anyone: Client, services: FakeServices, name: str
) -> None:
    assert (await anyone.post(UPLOAD + name, data=JPEG)).status == 204
    form = FormData()
    form.add_field("note", "x")
    form.add_field("file", JPEG, filename="a.jpg", content_type="image/jpeg")
    assert (await anyone.post(UPLOAD + name, data=form)).status == 204
    assert services.snapshots.taken == [JPEG, JPEG]


async def test_an_upload_needs_its_address_and_a_picture(anyone: Client) -> None:
    stranger = f"/api/v1/snapshot-uploads/{'x' * 43}"
    assert (await anyone.post(stranger, data=JPEG)).status == 404
    assert (await anyone.post(UPLOAD, data=b"<script>")).status == 400
    broken = {"Content-Type": "multipart/form-data; boundary=b"}
    assert (await anyone.post(UPLOAD, data=b"no form", headers=broken)).status == 400
    assert (await anyone.get(UPLOAD)).status in (404, 405)
