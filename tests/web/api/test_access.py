"""Registration rules over REST: digests, time correction, redirect."""

import pytest

from tests.web.conftest import Client
from tests.web.fakes import FakeServices
from tests.web.records import DEVICE, UNKNOWN

EMPTY = {"digest_algorithms": [], "send_date": None, "redirect_to": None}
TARGET = {
    "server_id": "34020000002000000002",
    "host": "192.0.2.11",
    "port": 5060,
    "transport": "udp",
}
RULE = {"digest_algorithms": ["SM3", "MD5"], "send_date": False, "redirect_to": TARGET}
GENERAL = "/api/v1/access/registration-rule"
OWN = f"/api/v1/devices/{DEVICE}/registration-rule"


@pytest.mark.parametrize("path", [GENERAL, OWN])
async def test_a_rule_is_set_shown_and_taken_away(
    admin: Client, services: FakeServices, path: str
) -> None:
    assert await (await admin.get(path)).json() == EMPTY
    answer = await admin.put(path, json=RULE)
    assert (answer.status, await answer.json()) == (200, RULE)
    assert await (await admin.get(path)).json() == RULE
    [(device_id, rule)] = services.registration_rules.known.items()
    assert device_id == ("*" if path == GENERAL else DEVICE)
    assert (rule.digest_algorithms, rule.redirect_host) == (("SM3", "MD5"), "192.0.2.11")
    assert await (await admin.put(path, json={})).json() == EMPTY


@pytest.mark.parametrize(
    "rule",
    [
        {"digest_algorithms": ["ROT13"]},
        {"redirect_to": {"server_id": "1", "host": "192.0.2.11"}},
        {"redirect_to": {**TARGET, "host": "evil host\r\nVia: x"}},
        {"redirect_to": {**TARGET, "port": 0}},
        {"unknown": 1},
    ],
)
async def test_a_rule_that_cannot_be_is_refused(admin: Client, rule: dict[str, object]) -> None:
    answer = await admin.put(OWN, json=rule)
    assert (answer.status, (await answer.json())["code"]) == (400, "invalid_request")


async def test_an_unknown_device_has_no_rule(admin: Client) -> None:
    path = f"/api/v1/devices/{UNKNOWN}/registration-rule"
    assert (await admin.get(path)).status == 404
    assert (await admin.put(path, json=RULE)).status == 404
