import pytest

from sip.message import Peer
from tests.web.conftest import Client
from tests.web.fake_platforms import UPPER
from tests.web.fake_signalling import SECRET, keepalive, register
from tests.web.fakes import FakeServices
from tests.web.records import DEVICE

MINE = f"/api/v1/devices/{DEVICE}/sip"
STRANGER = "14040000001110000099"


async def listed(client: Client, url: str) -> dict:
    answer = await client.get(url)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_an_operator_sees_what_passed_without_its_secrets(operator: Client) -> None:
    body = await listed(operator, MINE)
    first, second, third = body["items"]
    assert (first["method"], first["status"], first["is_sent"]) == ("REGISTER", None, False)
    assert (second["method"], second["status"], second["is_sent"]) == ("REGISTER", 200, True)
    assert (third["command"], third["kind"]) == ("Keepalive", "Notify")
    assert (first["host"], first["port"], first["transport"]) == ("10.1.2.9", 5060, "udp")
    assert (body["own_host"], body["own_port"]) == ("10.1.2.3", 5060)
    assert first["at"] == "2026-11-20T03:59:58Z"
    assert first["has_credentials"] and 'response="***"' in first["text"]
    assert SECRET not in str(body)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("?keepalives=false", 2),
        ("?method=MESSAGE", 1),
        ("?call_id=call-1", 2),
        ("?call_id=nothing", 0),
        (f"?about={DEVICE}", 1),
        ("?q=keepALIVE", 1),
        (f"?q={SECRET}", 0),
        ("?limit=1", 1),
    ],
)
async def test_messages_are_filtered(operator: Client, query: str, found: int) -> None:
    assert len((await listed(operator, MINE + query))["items"]) == found


async def test_who_follows_gets_what_is_new_and_nothing_twice(
    operator: Client, services: FakeServices
) -> None:
    seen = await listed(operator, f"{MINE}?keepalives=false")
    again = await listed(operator, f"{MINE}?after={seen['cursor']}")
    assert (again["items"], again["cursor"], again["has_more"]) == ([], seen["cursor"], False)
    for _ in range(3):
        services.trace.received(keepalive(DEVICE), Peer("udp", "10.1.2.9", 5060), 100.0)
    page = await listed(operator, f"{MINE}?after={seen['cursor']}&limit=2")
    assert (len(page["items"]), page["has_more"]) == (2, True)
    rest = await listed(operator, f"{MINE}?after={page['cursor']}&limit=2")
    assert (len(rest["items"]), rest["has_more"]) == (1, False)
    assert rest["items"][0]["is_repeated"]


async def test_older_messages_come_by_pages(operator: Client) -> None:
    newest = await listed(operator, f"{MINE}?limit=2")
    assert newest["has_more"]
    older = await listed(operator, f"{MINE}?limit=2&before={newest['items'][0]['number']}")
    assert [len(page["items"]) for page in (newest, older)] == [2, 1]
    assert older["items"][0]["number"] < newest["items"][0]["number"]


async def test_a_stranger_is_found_by_its_address(operator: Client, services: FakeServices) -> None:
    peer = Peer("tcp", "10.1.2.77", 40_000, 1)
    services.trace.received(register(STRANGER, "Digest x=y"), peer, 99.0)
    for address in ("10.1.2.77", "10.1.2.77:40000"):
        body = await listed(operator, f"/api/v1/sip?address={address}")
        assert [item["from_id"] for item in body["items"]] == [STRANGER]
    assert not (await listed(operator, "/api/v1/sip?address=10.1.2.77:1"))["items"]


@pytest.mark.parametrize("address", ["999.1.1.1", "1.2.3.4:0", "1.2.3.4:70000", "1:2:3", "[::1"])
async def test_an_address_that_is_none_is_told(operator: Client, address: str) -> None:
    answer = await operator.get("/api/v1/sip", params={"address": address})
    problem = await answer.json()
    assert (answer.status, problem["code"]) == (400, "invalid")
    assert "IP" in str(problem["errors"])


@pytest.mark.parametrize("address", ["", "host.example", "x" * 80])
async def test_what_cannot_be_an_address_does_not_fit(operator: Client, address: str) -> None:
    answer = await operator.get("/api/v1/sip", params={"address": address})
    assert (answer.status, (await answer.json())["code"]) == (400, "invalid_request")


async def test_a_platform_has_its_own_list(operator: Client, services: FakeServices) -> None:
    url = f"/api/v1/platforms/{UPPER}/sip"
    assert (await listed(operator, url))["items"] == []
    ours = f"REGISTER sip:{UPPER}@1400000000 SIP/2.0\r\nCSeq: 1 REGISTER\r\n\r\n"
    services.trace.sent([(ours.encode(), Peer("udp", "10.14.0.2", 5060))], 99.0)
    assert [each["is_sent"] for each in (await listed(operator, url))["items"]] == [True]


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (f"{MINE}.pcap?call_id=call-1", DEVICE),
        ("/api/v1/sip.pcap?address=10.1.2.9", ""),
    ],
)
async def test_a_capture_is_taken_along_masked_and_written_down(
    operator: Client, services: FakeServices, url: str, target: str
) -> None:
    answer = await operator.get(url)
    data = await answer.read()
    assert answer.status == 200
    assert answer.content_type == "application/vnd.tcpdump.pcap"
    assert answer.headers["Content-Disposition"].endswith('.pcap"')
    assert data[:4] == b"\xd4\xc3\xb2\xa1"
    assert b"REGISTER sip:" in data and SECRET.encode() not in data
    assert (b"Keepalive" in data) is ("call_id" not in url)
    actor, action, about, result = services.users.log[-1]
    assert (actor, about, result) == ("operator", target, "ok")
    assert action.startswith("take_")


@pytest.mark.parametrize("kind", ["device", "platform"])
async def test_an_unknown_peer_is_told(operator: Client, kind: str) -> None:
    for ending in ("sip", "sip.pcap"):
        answer = await operator.get(f"/api/v1/{kind}s/{STRANGER}/{ending}")
        assert (answer.status, (await answer.json())["code"]) == (404, f"{kind}_not_found")


async def test_a_capture_of_a_platform_is_written_down(
    operator: Client, services: FakeServices
) -> None:
    answer = await operator.get(f"/api/v1/platforms/{UPPER}/sip.pcap")
    assert answer.status == 200
    assert services.users.log[-1] == ("operator", "take_platform_sip", UPPER, "ok")
