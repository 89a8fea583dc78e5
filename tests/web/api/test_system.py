from tests.web.conftest import Client
from tests.web.fakes import FakeServices
from tests.web.records import DEVICE, UNKNOWN


async def test_health_is_open_and_tells_nothing_else(
    anyone: Client, services: FakeServices
) -> None:
    answer = await anyone.get("/healthz")
    assert (answer.status, await answer.json()) == (200, {"status": "ok"})
    services.system.ready = False
    answer = await anyone.get("/healthz")
    assert (answer.status, (await answer.json())["code"]) == (503, "not_ready")
    assert "facts" not in await answer.json()


async def test_metrics_are_prometheus_text_behind_a_token(viewer: Client) -> None:
    answer = await viewer.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = (await answer.text()).splitlines()
    assert lines[0] == "vms_streams 1"
    for kind in ("viewers", "listeners"):
        for name in ("web_connections", "web_refused_total", "web_slow_total"):
            assert f'vms_{name}{{kind="{kind}"}} 0' in lines


async def test_the_status_line_has_its_facts_and_no_path(viewer: Client) -> None:
    facts = await (await viewer.get("/api/v1/system")).json()
    assert (facts["version"], facts["streams"], facts["disk_free_bytes"]) == ("0.1.0", 1, 10)
    assert "data" not in facts
    assert (facts["uppers"], facts["uppers_registered"]) == (1, 0)


async def test_spans_tell_since_when_and_why(viewer: Client) -> None:
    found = await (await viewer.get(f"/api/v1/spans?subject={DEVICE}&kind=device")).json()
    assert found["items"] == [
        {
            "subject": DEVICE,
            "kind": "device",
            "state": "on",
            "cause": "registered",
            "start": "2026-11-20T04:00:00Z",
            "end": None,
        }
    ]
    assert (await viewer.get("/api/v1/spans?kind=planet")).status == 400
    assert (await viewer.get("/api/v1/spans?subject=../x")).status == 400


async def test_access_tells_what_to_type_in_and_who_tried(operator: Client) -> None:
    access = await (await operator.get("/api/v1/access")).json()
    assert (access["server_id"], access["port"]) == ("14040000002000000001", 5060)
    assert access["transports"] == ["udp", "tcp"] and access["addresses"] == ["10.1.2.3"]
    assert access["attempts"] == [
        {
            "at": "2026-11-20T04:00:00Z",
            "device_id": UNKNOWN,
            "address": "10.0.0.66",
            "transport": "udp",
            "outcome": "refused_unknown",
            "count": 7,
            "user_agent": None,
            "known": False,
        }
    ]


async def test_accounts_are_listed_and_added_without_their_passwords(admin: Client) -> None:
    draft = {"username": "night.shift", "password": "long enough", "role": "operator"}
    answer = await admin.post("/api/v1/users", json=draft)
    assert (answer.status, (await answer.json())["role"]) == (201, "operator")
    found = await (await admin.get("/api/v1/users")).text()
    assert "night.shift" in found and '"password"' not in found and "hash" not in found
    again = await admin.post("/api/v1/users", json=draft)
    assert (again.status, (await again.json())["code"]) == (409, "username_taken")
