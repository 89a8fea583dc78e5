"""Signed requests to one relay node, and answers that are believed only when they are signed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from stream_relay.errors import Overload, RelayError, RelayUnreachable, StreamClosed
from stream_relay.remote.facts import LONGEST_TEXT
from stream_relay.remote.protocol import MAX_BODY_BYTES, PREFIX
from stream_relay.remote.session import NotOpen
from stream_relay.remote.signing import ANSWER_HEADER, Signer


@dataclass(frozen=True, slots=True)
class Node:
    """Where a relay node is, and the secret that it shares with us."""

    url: str
    """`http://10.1.2.9:8090`, without a path."""
    secret: str


class NodeConnection:
    """Async context manager; the connections to the node are kept open and used again."""

    def __init__(self, node: Node, wall: Callable[[], datetime], answer_s: float) -> None:
        self.url = node.url
        self._base = URL(node.url)
        self._signer = Signer(node.secret)
        self._wall = wall
        self._answer_s = answer_s
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.close()

    async def call(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Ask and answer the body. Raises what the relay raised, or `RelayUnreachable`."""
        async with self._explained(), asyncio.timeout(self._answer_s):
            async with self._asked(method, path, body) as (response, nonce):
                data = await _body(response)
                self._believe(response, nonce, data)
                _raise_problem(response.status, data)
                return data

    @asynccontextmanager
    async def listen(self, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open an endless answer; it yields pieces as they come, for as long as the block.

        Raises as `call` does, also while it is read.
        """
        async with self._explained():
            async with asyncio.timeout(self._answer_s) as opening:
                async with self._asked("GET", path, b"") as (response, nonce):
                    if response.status >= 400:
                        data = await _body(response)
                        self._believe(response, nonce, data)
                        _raise_problem(response.status, data)
                    self._believe(response, nonce, b"")
                    opening.reschedule(None)
                    yield response.content.iter_any()

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, body: bytes
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, str]]:
        if self._client is None:
            raise RelayUnreachable(f"{self.url}: the connection is not open")
        url, nonce = self._base.join(URL(PREFIX + path)), token_hex(16)
        now_s = int(self._wall().timestamp())
        header = self._signer.header(method, url.raw_path_qs, body, now_s, nonce)
        headers = {"Authorization": header, "Content-Type": "application/json"}
        request = self._client.request(
            method, url, data=body, headers=headers, allow_redirects=False
        )
        async with request as response:
            yield response, nonce

    def _believe(self, response: aiohttp.ClientResponse, nonce: str, data: bytes) -> None:
        """Raises `RelayUnreachable` when the answer does not come from who knows the secret."""
        given = response.headers.get(ANSWER_HEADER, "")
        if self._signer.is_answer(given, nonce, response.status, data):
            return
        if response.status == 401:
            detail = _problem(data).get("detail", "")
            raise RelayUnreachable(f"{self.url}: refused: {str(detail)[:LONGEST_TEXT]}")
        raise RelayUnreachable(f"{self.url}: whoever answers there does not know our secret")

    @asynccontextmanager
    async def _explained(self) -> AsyncIterator[None]:
        """Every way to fail on the network is one error that a person can read."""
        try:
            yield
        except TimeoutError as error:
            raise RelayUnreachable(f"{self.url}: no answer") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise RelayUnreachable(f"{self.url}: {error}") from error


async def _body(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for piece in response.content.iter_any():
        data += piece
        if len(data) > MAX_BODY_BYTES:
            raise RelayUnreachable(f"an answer of more than {MAX_BODY_BYTES} bytes")
    return bytes(data)


def _problem(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _raise_problem(status: int, data: bytes) -> None:
    """Raise what the node's relay raised."""
    if status < 400:
        return
    facts = _problem(data)
    code, detail = str(facts.get("code", "")), str(facts.get("detail", ""))[:LONGEST_TEXT]
    errors: dict[str, Callable[[str], Exception]] = {
        "overload": Overload,
        "stream_closed": StreamClosed,
        "not_open": NotOpen,
        "target_unreachable": TargetUnreachable,
    }
    raise errors.get(code, RelayError)(detail or f"answer {status}")


class TargetUnreachable(OSError):
    """The node cannot reach the target of a forwarder."""
