from tests.web.conftest import Client
from tests.web.fakes import FakeServices
from tests.web.records import DEVICE, UNKNOWN, device

NEW = "14040000001110000009"


async def test_a_list_is_a_page_of_devices(viewer: Client, services: FakeServices) -> None:
    answer = await viewer.get("/api/v1/devices?q=井&online=true&page=2&size=10")
    page = await answer.json()
    assert answer.status == 200
    assert (page["total"], page["page"], page["size"]) == (1, 2, 10)
    assert services.directory.asked == {"q": "井", "online": True, "page": 2, "size": 10}
    found = page["items"][0]
    assert (found["id"], found["name"], found["address"]) == (DEVICE, "一号井", "10.0.0.9:5060")
    assert found["online_since"] == "2026-11-20T04:00:00Z" and found["offline_since"] is None
    assert found["model"] is None, "unknown is null, not an empty text"


async def test_no_answer_about_a_device_holds_its_password(viewer: Client) -> None:
    for path in ("/api/v1/devices", f"/api/v1/devices/{DEVICE}"):
        text = await (await viewer.get(path)).text()
        assert '"password"' not in text and "secret" not in text


async def test_adding_a_device_shows_its_password_once(
    admin: Client, services: FakeServices
) -> None:
    answer = await admin.post("/api/v1/devices", json={"id": NEW, "name": " 二号井 "})
    added = await answer.json()
    assert answer.status == 201
    assert added["password"] == "generated-1"
    assert (added["device"]["id"], added["device"]["name"]) == (NEW, "二号井")
    assert added["device"]["registered"] is False
    assert services.users.log == [("admin", "add_device", "", "ok")]


async def test_a_given_password_is_kept(admin: Client) -> None:
    answer = await admin.post("/api/v1/devices", json={"id": NEW, "password": "12345678"})
    assert (await answer.json())["password"] == "12345678"


async def test_a_device_cannot_be_added_twice(admin: Client, services: FakeServices) -> None:
    answer = await admin.post("/api/v1/devices", json={"id": DEVICE})
    assert (answer.status, (await answer.json())["code"]) == (409, "device_exists")
    assert services.users.log == [("admin", "add_device", "", "device_exists")]


async def test_a_device_can_be_renamed_and_removed(admin: Client, services: FakeServices) -> None:
    answer = await admin.patch(f"/api/v1/devices/{DEVICE}", json={"name": "三号井"})
    assert (await answer.json())["name"] == "三号井"
    answer = await admin.delete(f"/api/v1/devices/{DEVICE}")
    assert (answer.status, await answer.read()) == (204, b"")
    assert (await admin.get(f"/api/v1/devices/{DEVICE}")).status == 404
    assert [entry[1:3] for entry in services.users.log] == [
        ("change_device", DEVICE),
        ("delete_device", DEVICE),
    ]


async def test_a_catalogue_can_be_asked_for_while_online_only(
    operator: Client, services: FakeServices
) -> None:
    assert (await operator.post(f"/api/v1/devices/{DEVICE}/catalog")).status == 202
    services.directory.known[DEVICE] = device(online=False)
    answer = await operator.post(f"/api/v1/devices/{DEVICE}/catalog", json={})
    assert (answer.status, (await answer.json())["code"]) == (409, "device_offline")
    assert answer.headers["Retry-After"] == "5"


async def test_a_password_can_be_replaced(admin: Client) -> None:
    path = f"/api/v1/devices/{DEVICE}/password"
    assert await (await admin.post(path, json={})).json() == {"password": "generated-2"}
    answer = await admin.post(path, json={"password": "abcd1234"})
    assert await answer.json() == {"password": "abcd1234"}


async def test_an_unknown_device_is_not_found(admin: Client) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/catalog", {}),
        ("POST", "/password", {}),
    ):
        answer = await admin.request(method, f"/api/v1/devices/{UNKNOWN}{path}", json=body)
        assert (answer.status, (await answer.json())["code"]) == (404, "device_not_found")
