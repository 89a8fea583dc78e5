"""The relay node: its relay, asked over HTTP by who knows the secret.

Everything but `/healthz` needs a signed request (`signing.py`); what is not signed is answered 401
and changes nothing. What a controller opened is closed when nothing was heard of it for
`controller_silence_s`: no port stays open for somebody who is gone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from secrets import token_hex
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from stream_relay.errors import Overload, RelayError, StreamClosed
from stream_relay.events import EndReason
from stream_relay.relay import Relay
from stream_relay.remote.facts import Facts, RelayProtocolError
from stream_relay.remote.protocol import (
    MAX_BODY_BYTES,
    PREFIX,
    Opened,
    SessionOpened,
    build,
    build_line,
    check_version,
    parse_alive,
    parse_answered,
    parse_open_forward,
    parse_open_receiver,
)
from stream_relay.remote.session import NotOpen, Session
from stream_relay.remote.signing import ANSWER_HEADER, Gate, NotAuthentic, Signer
from stream_relay.remote.units import write_units

logger = logging.getLogger(__name__)

nonce_key = web.RequestKey("nonce", str)
MAX_SESSIONS = 16
WRITE_S = 10.0
"""How long a controller may take what is written to it."""
WARN_PAUSE_S = 10.0
"""Refused requests are logged once in so long, with their count."""
UNITS_AT_ONCE = 4
"""Readers of one stream's media: one, and those whose connection is being found dead."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PROBLEMS: tuple[tuple[type[Exception], HTTPStatus, str], ...] = (
    (NotAuthentic, HTTPStatus.UNAUTHORIZED, "unauthenticated"),
    (NotOpen, HTTPStatus.NOT_FOUND, "not_open"),
    (RelayProtocolError, HTTPStatus.BAD_REQUEST, "bad_request"),
    (Overload, HTTPStatus.SERVICE_UNAVAILABLE, "overload"),
    (StreamClosed, HTTPStatus.CONFLICT, "stream_closed"),
    (RelayError, HTTPStatus.INTERNAL_SERVER_ERROR, "internal"),
    (OSError, HTTPStatus.BAD_GATEWAY, "target_unreachable"),
)


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What a relay node is told once."""

    secret: str
    host: str = "0.0.0.0"
    port: int = 8090
    """0: a free one (tests)."""
    controller_silence_s: float = 15.0
    beat_s: float = 1.0
    """Pause between two tellings of the counters."""


class RelayServer:
    """Async context manager: listens from entering to leaving; the relay is open around it."""

    def __init__(self, relay: Relay, config: NodeConfig, wall: Callable[[], datetime]) -> None:
        self.port = config.port
        """Where it listens once it is open."""
        self.refused = 0
        """Requests without a good signature."""
        self._relay = relay
        self._config = config
        self._wall = wall
        self._signer = Signer(config.secret)
        self._gate = Gate(self._signer)
        self._sessions: dict[str, Session] = {}
        self._readers: dict[tuple[str, int], int] = {}
        self._warned_at: float | None = None
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        config = self._config
        group = await self._stack.enter_async_context(asyncio.TaskGroup())
        runner = web.AppRunner(self._app(), handler_cancellation=True, shutdown_timeout=2.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, config.host, config.port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = int(runner.addresses[0][1])
        self._tasks = [group.create_task(self._hear_relay()), group.create_task(self._watch())]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for session in self._sessions.values():
            session.end(EndReason.STOPPED)
        for task in self._tasks:
            task.cancel()
        try:
            await self._runner.cleanup()
        finally:
            await self._stack.aclose()

    @property
    def sessions(self) -> int:
        """Controllers that are connected."""
        return len(self._sessions)

    # Housekeeping

    async def _hear_relay(self) -> None:
        async for event in self._relay.events():
            for session in self._sessions.values():
                session.happened(event)

    async def _watch(self) -> None:
        """End what silent controllers have left open."""
        loop = asyncio.get_running_loop()
        silence_s = self._config.controller_silence_s
        while True:
            await asyncio.sleep(min(1.0, silence_s / 4))
            for session in list(self._sessions.values()):
                silent_s = loop.time() - session.heard_at
                if silent_s >= silence_s:
                    logger.warning(
                        "a controller is silent, what it opened is closed",
                        extra={"session": session.name[:8], "silent_s": round(silent_s)},
                    )
                    self._drop(session)

    def _drop(self, session: Session) -> None:
        self._sessions.pop(session.name, None)
        session.end(EndReason.CLOSED)

    # HTTP

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=MAX_BODY_BYTES)
        app.on_response_prepare.append(self._sign)
        session, stream = PREFIX + "/sessions/{session}", PREFIX + "/sessions/{session}/streams"
        app.add_routes(
            [
                web.get("/healthz", _healthz),
                web.post(PREFIX + "/sessions", self._open_session),
                web.delete(session, self._close_session),
                web.post(session + "/alive", self._alive),
                web.get(session + "/events", self._events),
                web.post(stream, self._open_receiver),
                web.post(stream + "/{number}/answer", self._answered),
                web.get(stream + "/{number}/units", self._units),
                web.delete(stream + "/{number}", self._close),
                web.post(session + "/forwards", self._forward),
                web.post(session + "/forwards/{number}/start", self._start),
                web.delete(session + "/forwards/{number}", self._close),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Nothing behind this sees a request that is not signed."""
        if request.path == "/healthz":
            return await handler(request)
        try:
            body = await request.read()
            now_s = int(self._wall().timestamp())
            header = request.headers.get("Authorization", "")
            proof = self._gate.check(header, request.method, request.raw_path, body, now_s)
            request[nonce_key] = proof.nonce
            return await handler(request)
        except NotAuthentic as error:
            self._refuse(request, error)
            return _problem(error)
        except (RelayError, OSError) as error:
            return _problem(error)

    def _refuse(self, request: web.Request, error: NotAuthentic) -> None:
        self.refused += 1
        now = asyncio.get_running_loop().time()
        if self._warned_at is None or now - self._warned_at >= WARN_PAUSE_S:
            self._warned_at = now
            logger.warning(
                "a request to the relay is refused",
                extra={"peer": request.remote, "reason": error.detail, "count": self.refused},
            )

    async def _sign(self, request: web.Request, response: web.StreamResponse) -> None:
        nonce = request.get(nonce_key)
        if nonce is None:
            return
        body = response.body if isinstance(response, web.Response) else b""
        data = body if isinstance(body, bytes) else b""
        response.headers[ANSWER_HEADER] = self._signer.answer(nonce, response.status, data)

    # What is asked

    async def _open_session(self, request: web.Request) -> web.Response:
        check_version(Facts(await request.read()))
        if len(self._sessions) >= MAX_SESSIONS:
            raise Overload(f"{MAX_SESSIONS} controllers are connected")
        session = Session(token_hex(16), self._relay, asyncio.get_running_loop().time())
        self._sessions[session.name] = session
        logger.info(
            "a controller connected",
            extra={"session": session.name[:8], "peer": request.remote},
        )
        return _answer(SessionOpened(session.name, self._config.controller_silence_s))

    async def _close_session(self, request: web.Request) -> web.Response:
        session = self._session(request)
        self._drop(session)
        logger.info("a controller left", extra={"session": session.name[:8]})
        return _answer()

    async def _alive(self, request: web.Request) -> web.Response:
        session, alive = self._session(request), parse_alive(await request.read())
        await session.hear(alive, asyncio.get_running_loop().time())
        return _answer()

    async def _open_receiver(self, request: web.Request) -> web.Response:
        wanted = parse_open_receiver(await request.read())
        receiver = await self._session(request).open_receiver(wanted)
        return _answer(Opened(receiver.host or _own_address(request), receiver.port))

    async def _answered(self, request: web.Request) -> web.Response:
        answer = parse_answered(await request.read())
        self._session(request).answered(_number(request), answer)
        return _answer()

    async def _forward(self, request: web.Request) -> web.Response:
        wanted = parse_open_forward(await request.read())
        forwarder = await self._session(request).forward(wanted)
        host = self._relay.config.advertised_host or _own_address(request)
        return _answer(Opened(host, forwarder.port))

    async def _start(self, request: web.Request) -> web.Response:
        await self._session(request).start(_number(request))
        return _answer()

    async def _close(self, request: web.Request) -> web.Response:
        await self._session(request).close(_number(request))
        return _answer()

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Answer lines for as long as the controller listens."""
        session = self._session(request)
        after = _whole(request.query.get("after", "0"))
        response = await _begin(request, "application/x-ndjson")
        async for messages in session.messages(after, self._config.beat_s):
            await _write(response, b"".join(build_line(message) for message in messages))
        return response

    async def _units(self, request: web.Request) -> web.StreamResponse:
        """Answer a stream's access units until it or the controller ends."""
        session, number = self._session(request), _number(request)
        key = (session.name, number)
        if self._readers.get(key, 0) >= UNITS_AT_ONCE:
            raise Overload(f"stream {number} is read {UNITS_AT_ONCE} times")
        reader = session.receiver(number).stream.open_reader("access-units")
        self._readers[key] = self._readers.get(key, 0) + 1
        try:
            async with reader:
                response = await _begin(request, "application/octet-stream")
                await write_units(reader, lambda data: _write(response, data))
        finally:
            self._readers[key] -= 1
            if not self._readers[key]:
                del self._readers[key]
        return response

    def _session(self, request: web.Request) -> Session:
        session = self._sessions.get(request.match_info["session"])
        if session is None:
            raise NotOpen("no such session: the relay was started anew, or heard nothing of it")
        return session


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok")


def _own_address(request: web.Request) -> str:
    """The address that the controller reached us at: what cameras reach as well, as a rule."""
    transport = request.transport
    found = transport.get_extra_info("sockname") if transport is not None else None
    return str(found[0]) if found else ""


def _number(request: web.Request) -> int:
    return _whole(request.match_info["number"])


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise RelayProtocolError("not a number")
    return int(text)


def _answer(message: object = None) -> web.Response:
    body = b"{}" if message is None else build(message)
    return web.Response(body=body, content_type="application/json")


def _problem(error: Exception) -> web.Response:
    """RFC 9457; the other side is a program, the text is for its log."""
    status, code = next((s, c) for kind, s, c in PROBLEMS if isinstance(error, kind))
    text = str(error) or type(error).__name__
    facts: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": int(status)}
    headers = {"WWW-Authenticate": "FSR1"} if status is HTTPStatus.UNAUTHORIZED else None
    body = web.json_response({**facts, "code": code, "detail": text[:200]}).body
    return web.Response(
        status=status, body=body, content_type="application/problem+json", headers=headers
    )


async def _begin(request: web.Request, content_type: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type})
    await response.prepare(request)
    return response


async def _write(response: web.StreamResponse, data: bytes) -> None:
    """Raises ConnectionError or TimeoutError when the controller takes nothing."""
    async with asyncio.timeout(WRITE_S):
        await response.write(data)
