"""Failures are RFC 9457 problems that tell people, in their language, what to do."""

import logging

import pytest
from aiohttp import web

from tests.web.conftest import Client, Connect
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, DEVICE, UNKNOWN
from vms.errors import Conflict, Denied, Invalid, LiveFailed, LockedOut, NotFound, NotReady
from vms.records import LiveReason, LiveStep
from web.language import Language, negotiate
from web.problems import PROBLEMS, code_of
from web.validation import FAULTS
from web.words import REASONS

JSON_TYPE = "application/problem+json"


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_problem_has_words_in_both_languages(code: str) -> None:
    kind = PROBLEMS[code]
    assert 400 <= kind.status <= 599
    for language in Language:
        assert kind.titles[language] and kind.details[language]
        assert kind.titles[language] != kind.details[language]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in kind.details[Language.ZH])
    assert kind.details[Language.EN].isascii()


@pytest.mark.parametrize("reason", LiveReason)
def test_every_reason_for_no_picture_has_words(reason: LiveReason) -> None:
    assert code_of(LiveFailed(LiveStep.INVITE, reason)) == reason.value


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (LiveReason.CHANNEL_UNKNOWN, 404),
        (LiveReason.DEVICE_OFFLINE, 409),
        (LiveReason.UNPLAYABLE, 415),
        (LiveReason.INVITE_REFUSED, 502),
        (LiveReason.PORTS_EXHAUSTED, 503),
        (LiveReason.NO_MEDIA, 504),
    ],
)
def test_live_failures_have_the_status_that_fits(reason: LiveReason, status: int) -> None:
    assert PROBLEMS[reason.value].status == status


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("device", DEVICE), "device_not_found"),
        (NotFound("galaxy", "1"), "not_found"),
        (Conflict("never heard of"), "conflict"),
        (Denied("never heard of"), "denied"),
        (Invalid("name", "too_long"), "invalid"),
        (NotReady(code="never heard of"), "not_ready"),
        (LockedOut(3.0), "locked_out"),
    ],
)
def test_a_code_without_words_falls_back_to_its_family(error: Exception, code: str) -> None:
    assert code_of(error) == code  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", Language.ZH),
        ("en-US,en;q=0.9", Language.EN),
        ("zh-CN,zh;q=0.9,en;q=0.8", Language.ZH),
        ("en;q=0.3, zh;q=0.7", Language.ZH),
        ("de, en;q=0.5", Language.EN),
        ("de", Language.ZH),
        ("en;q=x", Language.ZH),
        ("en;q=0", Language.ZH),
        ("*", Language.ZH),
        (",;;=," * 50, Language.ZH),
    ],
)
def test_the_language_is_what_the_reader_prefers(accepted: str, language: Language) -> None:
    assert negotiate(accepted) is language


async def test_a_problem_has_all_members_and_no_more(viewer: Client) -> None:
    answer = await viewer.get(f"/api/v1/channels/{UNKNOWN}", headers={"Accept-Language": "en"})
    assert answer.status == 404
    assert answer.content_type == JSON_TYPE
    assert answer.headers["Content-Language"] == "en"
    assert await answer.json() == {
        "type": "/api/docs#channel_not_found",
        "title": "No such channel",
        "status": 404,
        "detail": "Check the 20-digit code, or refresh the catalogue of its device.",
        "code": "channel_not_found",
        "facts": {"kind": "channel", "name": UNKNOWN},
    }


async def test_problems_are_chinese_first_and_follow_the_switch(connect: Connect) -> None:
    client = await connect("viewer")
    answer = await (await client.get(f"/api/v1/channels/{UNKNOWN}")).json()
    assert answer["title"] == "没有这个通道"
    switched = await connect("viewer", **{"Cookie": "lang=en", "Accept-Language": "zh"})
    answer = await (await switched.get(f"/api/v1/channels/{UNKNOWN}")).json()
    assert answer["title"] == "No such channel"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/api/v1/nowhere", 404, "not_found"),
        ("PUT", "/api/v1/devices", 405, "method_not_allowed"),
    ],
)
async def test_what_the_router_refuses_is_a_problem_too(
    viewer: Client, method: str, path: str, status: int, code: str
) -> None:
    answer = await viewer.request(method, path)
    assert (answer.status, answer.content_type) == (status, JSON_TYPE)
    assert (await answer.json())["code"] == code
    assert status != 405 or answer.headers["Allow"] == "GET,POST"


async def test_an_unknown_error_is_logged_whole_and_shown_to_nobody(
    viewer: Client, services: FakeServices, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(code: str) -> None:
        raise ZeroDivisionError("secret inside")

    services.directory.channel = broken  # type: ignore[method-assign,assignment]
    with caplog.at_level(logging.ERROR):
        answer = await viewer.get(f"/api/v1/channels/{CHANNEL}")
    text = await answer.text()
    assert (answer.status, answer.content_type) == (500, JSON_TYPE)
    assert '"code":"internal"' in text
    assert "secret" not in text and "Traceback" not in text and "Zero" not in text
    assert caplog.records[0].exc_info is not None
    assert vars(caplog.records[0])["route"] == "/api/v1/channels/{code}"


async def test_a_locked_account_is_told_how_long_to_wait(
    anyone: Client, services: FakeServices
) -> None:
    services.users.failures["viewer"] = 99
    body = {"username": "viewer", "password": "x"}
    answer = await anyone.post("/api/v1/session", json=body)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "300")
    assert (await answer.json())["retry_after_s"] == 300.0


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        (b"", "", "is not valid JSON"),
        (b"{", "", "is not valid JSON"),
        (b"[]", "", "must be a JSON object"),
        (b"[" * 3000, "", "is not valid JSON"),
        (b'{"id":' * 500 + b"1" + b"}" * 500, "", "is not valid JSON"),
        (b'{"id":"\xff"}', "", "is not valid JSON"),
        (b"{}", "id", "is required"),
        (b'{"id":1}', "id", "must be text"),
        (b'{"id":"123"}', "id", "must match ^[0-9]{20}$"),
        ('{"id":"１４０４０００００１１１０００００００１"}'.encode(), "id", "must match"),
        (b'{"id":"14040000001110000009\\n"}', "id", "must match"),
        (b'{"id":"14040000001110000009","nmae":"x"}', "nmae", "is not a known field"),
        (b'{"id":"14040000001110000009","name":"a\\nb"}', "name", "must match"),
        (b'{"id":"14040000001110000009","name":" "}', "name", "needs at least 1 characters"),
        (b'{"id":"14040000001110000009","password":"a b"}', "password", "must match"),
    ],
)
async def test_a_bad_body_is_named_field_by_field(
    admin: Client, body: bytes, field: str, words: str
) -> None:
    headers = {"Content-Type": "application/json", "Accept-Language": "en"}
    answer = await admin.post("/api/v1/devices", data=body, headers=headers)
    assert answer.status == 400
    problem = await answer.json()
    assert problem["code"] == "invalid_request"
    faults = [fault for fault in problem["errors"] if fault["field"] == field]
    assert faults and words in faults[0]["detail"] and faults[0]["place"] == "body"


async def test_all_faults_are_told_at_once_in_chinese(admin: Client) -> None:
    answer = await admin.post("/api/v1/users", json={"username": "-", "rôle": 1})
    faults = {fault["field"]: fault["detail"] for fault in (await answer.json())["errors"]}
    assert faults["password"] == faults["role"] == "必填"
    assert faults["rôle"] == "没有这个字段，请检查拼写"
    assert faults["username"].startswith("格式应为")


async def test_a_body_that_is_too_large_is_refused(admin: Client) -> None:
    answer = await admin.post("/api/v1/devices", json={"id": "1" * 5000})
    assert answer.status == 413
    assert (await answer.json())["code"] == "too_large"


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=x",
        "size=501",
        "online=maybe",
        "sise=3",
        "q=1&q=2",
        "page=1e400",
        "q=" + "x" * 200,
    ],
)
async def test_a_bad_query_is_refused_rather_than_ignored(viewer: Client, query: str) -> None:
    answer = await viewer.get(f"/api/v1/channels?{query}")
    assert answer.status == 400
    assert (await answer.json())["errors"][0]["place"] == "query"


async def test_an_empty_filter_counts_as_none(viewer: Client, services: FakeServices) -> None:
    assert (await viewer.get("/api/v1/channels?q=&online=&category=06")).status == 200
    assert services.directory.asked["online"] is None
    assert services.directory.asked["category"] == "06"


def test_every_known_fault_has_words_in_both_languages() -> None:
    assert all(zh and en and zh != en for zh, en in FAULTS.values())


async def test_an_error_after_the_answer_began_closes_the_connection(
    app: web.Application, connect: Connect
) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 100
        await response.prepare(request)
        await response.write(b"half")
        raise NotReady()

    app.router.add_get("/half", half)
    client = await connect("viewer")
    answer = await client.get("/half")
    assert answer.status == 200
    with pytest.raises(Exception, match="not completed|Not enough data|payload"):
        await answer.read()


async def test_a_value_that_a_service_refuses_is_named_like_any_other_fault(
    viewer: Client, services: FakeServices
) -> None:
    async def refuse(*_: object) -> None:
        raise Invalid("new", "contains_username")

    services.users.change_password = refuse  # type: ignore[method-assign,assignment]
    answer = await viewer.post("/api/v1/password", json={"old": "a", "new": "b"})
    problem = await answer.json()
    assert (answer.status, problem["code"]) == (400, "invalid")
    assert problem["errors"] == [{"place": "value", "field": "new", "detail": "不能包含用户名"}]


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_for_refusing_a_value_has_words(reason: str) -> None:
    chinese, english = REASONS[reason]
    assert english.isascii() and any("\u4e00" <= letter <= "\u9fff" for letter in chinese)


@pytest.mark.parametrize(
    "path", ["channels?q=%00", "channels?organisation=a%00", "devices?q=%00", "tree?parent=%00"]
)
async def test_text_that_no_database_takes_is_refused(viewer: Client, path: str) -> None:
    assert (await viewer.get(f"/api/v1/{path}")).status == 400
