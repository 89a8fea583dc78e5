"""Who the node obeys, and what it does with requests that are not as they should be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from stream_relay.errors import Overload
from stream_relay.relay import Relay
from stream_relay.remote import server as server_module
from stream_relay.remote.protocol import OpenReceiver, build
from stream_relay.remote.server import RelayServer
from stream_relay.remote.signing import ANSWER_HEADER, Signer
from tests.stream_relay.media import SSRC, Clock
from tests.stream_relay.remote.stage import NODE, SECRET, node_of
from tests.stream_relay.test_relay import HOST, config, until

OPEN = build(OpenReceiver(1, "c#1", "udp", SSRC, True, HOST))


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Visitor:
    """Speaks to a node by hand."""

    relay: Relay
    server: RelayServer
    client: aiohttp.ClientSession
    clock: Clock
    count: int = 0

    def header(
        self, method: str, path: str, body: bytes, *, secret: str = SECRET, shift_s: int = 0
    ) -> str:
        self.count += 1
        now_s = int(self.clock.wall().timestamp()) + shift_s
        return Signer(secret).header(method, path, body, now_s, f"{self.count:032x}")

    async def ask(
        self, method: str, path: str, body: bytes = b"", *, header: str | None = None, **how: Any
    ) -> Answer:
        text = self.header(method, path, body, **how) if header is None else header
        url = f"http://{HOST}:{self.server.port}{path}"
        async with asyncio.timeout(60):
            async with self.client.request(
                method, url, data=body, headers={"Authorization": text}
            ) as answer:
                return Answer(answer.status, dict(answer.headers), await answer.read())

    async def session(self) -> str:
        answer = await self.ask("POST", "/relay/v1/sessions", b'{"version":1}')
        assert answer.status == 200, answer.body
        return "/relay/v1/sessions/" + answer.body.decode().split('"session":"')[1].split('"')[0]


@asynccontextmanager
async def open_visitor(**changes: object) -> AsyncIterator[Visitor]:
    clock = Clock()
    async with Relay(config(), clock.wall) as relay:
        async with RelayServer(relay, node_of(**changes), clock.wall) as server:
            async with aiohttp.ClientSession() as client:
                yield Visitor(relay, server, client, clock)


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    async with open_visitor() as each:
        yield each


async def test_signed_request_is_obeyed_and_its_answer_is_signed(visitor):
    path = await visitor.session() + "/streams"
    header = visitor.header("POST", path, OPEN)
    answer = await visitor.ask("POST", path, OPEN, header=header)
    assert answer.status == 200
    nonce = header.split("nonce=")[1][:32]
    signature = answer.headers[ANSWER_HEADER]
    assert Signer(SECRET).is_answer(signature, nonce, 200, answer.body)
    assert len(visitor.relay.streams()) == 1


async def test_unsigned_request_opens_nothing(visitor):
    path = await visitor.session()
    asked = [
        ("POST", "/relay/v1/sessions", b'{"version":1}'),
        ("POST", f"{path}/streams", OPEN),
        ("POST", f"{path}/alive", b'{"wanted":[],"newest":0}'),
        ("GET", f"{path}/events", b""),
        ("GET", f"{path}/streams/1/units", b""),
        ("DELETE", path, b""),
        ("GET", "/relay/v1/nothing", b""),
        ("GET", "/", b""),
    ]
    for method, target, body in asked:
        for header in ("", "Bearer " + SECRET, "Basic Og=="):
            answer = await visitor.ask(method, target, body, header=header)
            assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "FSR1"), target
    assert visitor.relay.streams() == ()
    assert visitor.server.sessions == 1
    assert visitor.server.refused == len(asked) * 3


async def test_wrong_secret_opens_nothing(visitor):
    path = await visitor.session() + "/streams"
    answer = await visitor.ask("POST", path, OPEN, secret=SECRET[::-1])
    assert answer.status == 401
    assert b"not the same secret" in answer.body
    assert visitor.relay.streams() == ()


async def test_replayed_request_opens_nothing_again(visitor):
    path = await visitor.session()
    header = visitor.header("POST", f"{path}/streams", OPEN)
    assert (await visitor.ask("POST", f"{path}/streams", OPEN, header=header)).status == 200
    assert (await visitor.ask("DELETE", f"{path}/streams/1")).status == 200
    answer = await visitor.ask("POST", f"{path}/streams", OPEN, header=header)
    assert answer.status == 401
    assert b"seen before" in answer.body
    assert visitor.relay.streams() == ()


@pytest.mark.parametrize("shift_s", [-61, 61])
async def test_old_or_early_request_opens_nothing(visitor, shift_s):
    path = await visitor.session() + "/streams"
    answer = await visitor.ask("POST", path, OPEN, shift_s=shift_s)
    assert answer.status == 401
    assert b"clocks" in answer.body
    assert visitor.relay.streams() == ()


async def test_signature_of_another_body_or_path_opens_nothing(visitor):
    path = await visitor.session()
    header = visitor.header("POST", f"{path}/streams", b"{}")
    assert (await visitor.ask("POST", f"{path}/streams", OPEN, header=header)).status == 401
    header = visitor.header("POST", f"{path}/forwards", OPEN)
    assert (await visitor.ask("POST", f"{path}/streams", OPEN, header=header)).status == 401
    assert visitor.relay.streams() == ()


async def test_body_without_end_is_not_read(visitor):
    path = await visitor.session() + "/streams"
    answer = await visitor.ask("POST", path, b"x" * 1_000_000)
    assert answer.status == 413
    assert visitor.relay.streams() == ()


async def test_health_is_open_to_all_and_says_nothing(visitor):
    answer = await visitor.ask("GET", "/healthz", header="")
    assert (answer.status, answer.body) == (200, b"ok")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/streams", b"no json", 400, b"bad_request"),
        ("POST", "/streams", b"[]", 400, b"bad_request"),
        ("POST", "/streams/1/answer", b'{"host":"a","port":1}', 404, b"not_open"),
        ("GET", "/streams/1/units", b"", 404, b"not_open"),
        ("GET", "/streams/x/units", b"", 400, b"bad_request"),
        ("GET", "/events?after=-1", b"", 400, b"bad_request"),
        ("GET", "/events?after=" + "9" * 100, b"", 400, b"bad_request"),
    ],
)
async def test_broken_requests_are_problems(visitor, method, path, body, status, code):
    session = await visitor.session()
    answer = await visitor.ask(method, session + path, body)
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert b'"code": "' + code in answer.body


async def test_unknown_session_is_told(visitor):
    answer = await visitor.ask("POST", "/relay/v1/sessions/abc/streams", OPEN)
    assert (answer.status, b"not_open" in answer.body) == (404, True)


async def test_other_version_is_told(visitor):
    answer = await visitor.ask("POST", "/relay/v1/sessions", b'{"version":99}')
    assert (answer.status, b"version 99" in answer.body) == (400, True)
    assert visitor.server.sessions == 0


async def test_number_of_controllers_is_bounded(visitor, monkeypatch):
    monkeypatch.setattr(server_module, "MAX_SESSIONS", 2)
    await visitor.session()
    await visitor.session()
    answer = await visitor.ask("POST", "/relay/v1/sessions", b'{"version":1}')
    assert (answer.status, b"overload" in answer.body) == (503, True)


async def test_readers_of_one_stream_are_bounded(visitor):
    path = await visitor.session()
    assert (await visitor.ask("POST", f"{path}/streams", OPEN)).status == 200
    units = f"{path}/streams/1/units"
    open_ones = []
    for _ in range(server_module.UNITS_AT_ONCE):
        headers = {"Authorization": visitor.header("GET", units, b"")}
        url = f"http://{HOST}:{visitor.server.port}{units}"
        open_ones.append(await visitor.client.get(url, headers=headers))
    assert (await visitor.ask("GET", units)).status == 503
    for each in open_ones:
        each.close()
    stream = visitor.relay.streams()[0]
    await until(lambda: stream.reader_count == 0)


async def test_same_number_twice_is_refused(visitor):
    path = await visitor.session()
    assert (await visitor.ask("POST", f"{path}/streams", OPEN)).status == 200
    assert (await visitor.ask("POST", f"{path}/streams", OPEN)).status == 404
    assert len(visitor.relay.streams()) == 1


async def test_what_the_controller_no_longer_wants_is_closed(visitor):
    path = await visitor.session()
    for number in (1, 2, 3):
        wanted = build(OpenReceiver(number, f"c#{number}", "udp", SSRC, True, HOST))
        assert (await visitor.ask("POST", f"{path}/streams", wanted)).status == 200
    await visitor.ask("POST", f"{path}/alive", b'{"wanted":[1],"newest":2}')
    left = {stream.id.partition("/")[0] for stream in visitor.relay.streams()}
    assert left == {"c#1", "c#3"}  # 3 is younger than what was said


async def test_request_that_comes_after_it_was_given_up_opens_nothing(visitor):
    path = await visitor.session()
    await visitor.ask("POST", f"{path}/alive", b'{"wanted":[],"newest":1}')
    assert (await visitor.ask("POST", f"{path}/streams", OPEN)).status == 404
    assert visitor.relay.streams() == ()


async def test_sign_of_life_may_overtake_the_request_it_speaks_of(visitor):
    path = await visitor.session()
    await visitor.ask("POST", f"{path}/alive", b'{"wanted":[1],"newest":1}')
    assert (await visitor.ask("POST", f"{path}/streams", OPEN)).status == 200


async def test_silent_controller_leaves_no_open_port():
    async with open_visitor(controller_silence_s=0.3) as visitor:
        path = await visitor.session()
        assert (await visitor.ask("POST", f"{path}/streams", OPEN)).status == 200
        await until(lambda: visitor.relay.streams() == ())
        await until(lambda: visitor.server.sessions == 0)
        assert (await visitor.ask("POST", f"{path}/alive", b"{}")).status == 404


async def test_port_that_is_taken_is_an_error_of_the_system():
    async with open_visitor() as visitor:
        other = RelayServer(visitor.relay, node_of(port=visitor.server.port), visitor.clock.wall)
        with pytest.raises(OSError, match="address already in use"):
            await other.__aenter__()
        await other._stack.aclose()


def test_node_has_no_secret_by_default():
    with pytest.raises(TypeError):
        type(NODE)()
    assert issubclass(Overload, Exception)
