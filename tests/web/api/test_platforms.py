"""Upper platforms over REST: what can be said of them, and what comes back."""

import pytest

from tests.web.conftest import Client
from tests.web.fake_platforms import OWN, UPPER
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL

PLATFORMS = "/api/v1/platforms"
ONE = f"{PLATFORMS}/{UPPER}"
OTHER = "14000000002000000009"


async def test_a_draft_needs_little_and_the_rest_is_usual(
    admin: Client, services: FakeServices
) -> None:
    draft = {"id": OTHER, "name": "省平台", "host": "province.example", "password": "geheim"}
    answer = await admin.post(PLATFORMS, json=draft)
    assert answer.status == 201
    made = await answer.json()
    assert (made["domain"], made["own_id"], made["port"]) == ("1400000000", OWN, 5060)
    assert (made["transport"], made["edition"], made["charset"]) == ("udp", "2022", "GB18030")
    assert set(made["rights"]) >= {"live", "playback", "ptz", "alarms"}
    assert made["password_set"] is True
    assert "geheim" not in await answer.text()
    assert services.platforms.passwords[OTHER] == "geheim"


async def test_the_list_holds_the_figures_and_says_what_to_do(admin: Client) -> None:
    (one,) = (await (await admin.get(PLATFORMS)).json())["items"]
    card = one["scorecard"]
    assert (card["state"], card["failure"], card["status"]) == ("waiting", "wrong_password", 403)
    assert "password" in card["failure_text"] or "密码" in card["failure_text"]
    assert card["catalog"]["is_equal"] is False
    assert (card["catalog"]["added"], card["invites"], card["invites_ok"]) == (1, 3, 2)
    assert card["last_failure"]["reason"] == "480"
    assert (one["channels"], one["warnings"]) == (2, 1)


@pytest.mark.parametrize(
    ("language", "word"), [("zh-CN", "密码"), ("en", "password")], ids=["zh", "en"]
)
async def test_advice_is_in_the_language_of_the_reader(
    admin: Client, language: str, word: str
) -> None:
    answer = await admin.get(ONE, headers={"Accept-Language": language})
    assert word in (await answer.json())["scorecard"]["failure_text"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "123"},
        {"host": ""},
        {"host": "two words"},
        {"port": 0},
        {"transport": "sctp"},
        {"edition": "2011"},
        {"rights": ["everything"]},
        {"charset": "latin1"},
        {"expires_s": 1},
        {"password": "x" * 65},
        {"colour": "red"},
    ],
    ids=str,
)
async def test_what_cannot_be_is_refused_by_field(admin: Client, wrong: dict[str, object]) -> None:
    draft = {"id": OTHER, "name": "x", "host": "h"} | wrong
    answer = await admin.post(PLATFORMS, json=draft)
    assert answer.status == 400
    (fault,) = (await answer.json())["errors"]
    assert fault["field"].split(".")[0] == next(iter(wrong))


async def test_loops_and_doubles_are_conflicts(admin: Client) -> None:
    loop = {"id": OTHER, "name": "x", "host": "h", "own_id": OTHER}
    again = {"id": UPPER, "name": "x", "host": "h"}
    for draft, code in ((loop, "platform_loop"), (again, "platform_exists")):
        answer = await admin.post(PLATFORMS, json=draft)
        assert (answer.status, (await answer.json())["code"]) == (409, code)


async def test_only_what_is_named_changes(admin: Client, services: FakeServices) -> None:
    answer = await admin.patch(ONE, json={"rights": ["live"], "is_enabled": False})
    changed = await answer.json()
    assert (changed["rights"], changed["is_enabled"], changed["name"]) == (
        ["live"],
        False,
        "市平台",
    )
    assert services.platforms.passwords == {}
    await admin.patch(ONE, json={"password": ""})
    assert services.platforms.passwords == {UPPER: ""}


async def test_a_disabled_platform_is_not_registered_at(admin: Client) -> None:
    answer = await admin.post(f"{ONE}/register", json={})
    assert (answer.status, (await answer.json())["code"]) == (503, "cascade_off")
    await admin.patch(ONE, json={"is_enabled": False})
    answer = await admin.post(f"{ONE}/register", json={})
    assert (answer.status, (await answer.json())["code"]) == (409, "platform_disabled")


async def test_a_share_is_replaced_whole(admin: Client) -> None:
    share = {"organisations": ["local-mine"], "categories": ["02", "0512"], "excluded": [CHANNEL]}
    answer = await admin.put(f"{ONE}/share", json=share)
    assert answer.status == 200
    stored = await (await admin.get(f"{ONE}/share")).json()
    assert stored == {"everything": False, "channels": []} | share
    answer = await admin.put(f"{ONE}/share", json={"categories": ["five"]})
    assert answer.status == 400


async def test_preview_and_findings_carry_their_words(admin: Client) -> None:
    page = await (await admin.get(f"{ONE}/preview?node={OWN}&page=1&size=10")).json()
    (node,) = page["items"]
    assert (node["kind"], node["parent"], node["channels"]) == ("channel", OWN, 1)
    assert node["findings"][0]["title"] and node["findings"][0]["hint"]
    assert (page["items_total"], page["channels_total"]) == (2, 1)
    found = await (await admin.get(f"{ONE}/lint")).json()
    assert (found["total"], found["errors"], found["warnings"]) == (1, 0, 1)
    none = await (await admin.get(f"{ONE}/lint?severity=error")).json()
    assert none["items"] == []
    assert (await admin.get(f"{ONE}/preview?node=x")).status == 400


async def test_codes_are_given_taken_back_and_ruled(admin: Client, services: FakeServices) -> None:
    change = {
        "rules": [{"ours": "1404", "theirs": "1499"}],
        "codes": [{"ours": CHANNEL, "theirs": OTHER}],
    }
    page = await (await admin.patch(f"{ONE}/codes", json=change)).json()
    assert page["rules"] == change["rules"]
    assert page["items"][0]["theirs"] == OTHER
    back = {"codes": [{"ours": CHANNEL, "theirs": None}]}
    page = await (await admin.patch(f"{ONE}/codes", json=back)).json()
    assert (page["items"][0]["theirs"], page["rules"]) == (CHANNEL, change["rules"])
    answer = await admin.patch(f"{ONE}/codes", json={"codes": [{"ours": "x", "theirs": OTHER}]})
    problem = await answer.json()
    assert (answer.status, problem["errors"][0]["field"]) == (400, "codes.x")


async def test_codes_travel_as_a_table(admin: Client) -> None:
    answer = await admin.get(f"{ONE}/codes.csv")
    assert answer.content_type == "text/csv"
    assert UPPER in answer.headers["Content-Disposition"]
    table = await answer.read()
    assert table.startswith(b"\xef\xbb\xbfours,theirs")
    headers = {"Content-Type": "text/csv"}
    taken = await (await admin.put(f"{ONE}/codes.csv", data=table, headers=headers)).json()
    assert taken == {"lines": 1, "is_taken": True, "bad": []}
    refused = await (await admin.put(f"{ONE}/codes.csv", data=b"a,b", headers=headers)).json()
    assert refused["is_taken"] is False
    assert (refused["bad"][0]["line"], refused["bad"][0]["reason"]) == (1, "columns")
    assert refused["bad"][0]["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/share"),
        ("PUT", "/share"),
        ("GET", "/preview"),
        ("GET", "/lint"),
        ("GET", "/codes"),
        ("GET", "/codes.csv"),
        ("POST", "/register"),
    ],
)
async def test_an_unknown_platform_is_not_found(admin: Client, method: str, path: str) -> None:
    answer = await admin.request(method, f"{PLATFORMS}/{OTHER}{path}", json={})
    assert (answer.status, (await answer.json())["code"]) == (404, "platform_not_found")


async def test_changes_are_written_to_the_audit_log_without_secrets(
    admin: Client, services: FakeServices
) -> None:
    await admin.patch(ONE, json={"password": "geheim"})
    await admin.delete(ONE)
    assert ("admin", "change_platform", UPPER, "ok") in services.users.log
    assert ("admin", "delete_platform", UPPER, "ok") in services.users.log
    assert "geheim" not in str(services.users.log)
