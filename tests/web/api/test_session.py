"""Login, lock-out and the end of sessions (threat 31)."""

import json

import pytest

from tests.web.conftest import Client, Connect
from tests.web.fakes import FAILURES, PASSWORD, FakeServices

SESSION = "/api/v1/session"


def credentials(username: str = "viewer", password: str = PASSWORD) -> dict[str, str]:
    return {"username": username, "password": password}


async def test_a_login_gives_a_token_and_a_cookie_that_both_work(
    anyone: Client, connect: Connect
) -> None:
    answer = await anyone.post(SESSION, json=credentials())
    started = await answer.json()
    assert answer.status == 200
    assert started["user"] == {"username": "viewer", "role": "viewer"}
    assert started["must_change_password"] is False
    assert started["expires_at"] == "2026-11-20T12:00:00Z"
    assert answer.cookies["vms_session"].value == started["token"]
    for headers in (
        {"Authorization": f"Bearer {started['token']}"},
        {"Cookie": f"vms_session={started['token']}"},
    ):
        who = await (await (await connect(**headers)).get(SESSION)).json()
        assert who == {key: value for key, value in started.items() if key != "token"}


async def test_an_unknown_user_and_a_wrong_password_look_alike(anyone: Client) -> None:
    answers = []
    for attempt in (credentials("nobody"), credentials("viewer", "wrong")):
        answer = await anyone.post(SESSION, json=attempt)
        answers.append((answer.status, await answer.json(), sorted(answer.headers)))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401 and answers[0][1]["code"] == "wrong_credentials"


async def test_failures_lock_and_the_right_password_does_not_unlock(anyone: Client) -> None:
    for _ in range(FAILURES):
        assert (await anyone.post(SESSION, json=credentials(password="wrong"))).status == 401
    answer = await anyone.post(SESSION, json=credentials())
    assert (answer.status, (await answer.json())["code"]) == (429, "locked_out")
    assert int(answer.headers["Retry-After"]) > 0
    assert "Set-Cookie" not in answer.headers


async def test_after_logout_token_and_cookie_are_worthless(
    connect: Connect, services: FakeServices
) -> None:
    token = services.users.open_session("viewer")
    client = await connect(Authorization=f"Bearer {token}")
    answer = await client.delete(SESSION)
    assert answer.status == 204
    assert 'vms_session=""' in answer.headers["Set-Cookie"]
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert (await client.get(SESSION)).status == 401


@pytest.mark.parametrize(
    "body",
    [
        {"username": "viewer"},
        {"username": "", "password": "x"},
        {"username": "viewer", "password": "x" * 257},
        {"username": "v" * 65, "password": "x"},
        {"username": {"$ne": ""}, "password": "x"},
        {"username": "viewer", "password": PASSWORD, "role": "admin"},
    ],
    ids=str,
)
async def test_a_malformed_login_is_refused_before_it_is_tried(
    anyone: Client, services: FakeServices, body: dict[str, object]
) -> None:
    answer = await anyone.post(SESSION, json=body)
    assert answer.status == 400
    assert services.users.failures == {}
    assert PASSWORD not in await answer.text()


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
async def test_a_login_that_a_form_could_send_is_refused(anyone: Client, kind: str) -> None:
    body = json.dumps(credentials())
    answer = await anyone.post(SESSION, data=body, headers={"Content-Type": kind})
    assert (answer.status, (await answer.json())["code"]) == (415, "not_json")


async def test_the_own_password_is_changed_by_who_knows_the_old_one(viewer: Client) -> None:
    answer = await viewer.post("/api/v1/password", json={"old": PASSWORD, "new": "another one"})
    assert (answer.status, await answer.read()) == (204, b"")
    answer = await viewer.post("/api/v1/password", json={"old": "guess", "new": "another one"})
    assert (answer.status, (await answer.json())["code"]) == (401, "wrong_credentials")


async def test_passwords_never_reach_the_audit_log(viewer: Client, services: FakeServices) -> None:
    await viewer.post("/api/v1/password", json={"old": PASSWORD, "new": "another one"})
    assert services.users.log == [("viewer", "change_password", "", "ok")]
