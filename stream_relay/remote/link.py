"""The controller's session with one node: opened, kept alive, listened to, opened anew.

A connection that breaks is made again and goes on where it was; the session is lost when nothing
was heard for `silence_s`, or when the node knows it no more. Then everything in it has ended.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from stream_relay.errors import RelayError, RelayUnreachable
from stream_relay.remote.connection import Node, NodeConnection
from stream_relay.remote.protocol import (
    Alive,
    Happened,
    Hello,
    LineReader,
    Message,
    Over,
    build,
    parse_line,
    parse_session_opened,
)
from stream_relay.remote.session import NotOpen

logger = logging.getLogger(__name__)

GREETING = b'{"version":1}'


@dataclass(frozen=True, slots=True)
class RemoteConfig:
    """How patient a controller is with its node."""

    answer_s: float = 5.0
    """How long an answer may take."""
    alive_s: float = 3.0
    """Pause between two signs of life; shorter where the node wants it."""
    silence_s: float = 10.0
    """Without a word from the node for so long, its streams have ended."""
    retry_first_s: float = 0.25
    retry_max_s: float = 5.0
    media_silence_s: float = 10.0
    """A media connection that brings nothing for so long is made anew."""


async def probe(node: Node, wall: Callable[[], datetime], answer_s: float = 3.0) -> str:
    """Open and close a session at a node; answers what is wrong, empty: nothing."""
    async with NodeConnection(node, wall, answer_s) as connection:
        try:
            opened = parse_session_opened(await connection.call("POST", "/sessions", GREETING))
            await connection.call("DELETE", f"/sessions/{opened.session}")
        except RelayError as error:
            return str(error)
    return ""


class Owner(Protocol):
    """Whose session it is."""

    def wanted(self) -> Alive:
        """What should be open at the node now."""

    def hear(self, message: Message) -> None:
        """The node says something."""

    def lost(self) -> None:
        """The session is over: all that was open in it has ended."""


class Backoff:
    """Pauses that double up to a bound."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._next_s = first_s

    def next(self) -> float:
        """The pause before the next try."""
        pause_s, self._next_s = self._next_s, min(self._next_s * 2, self._longest_s)
        return pause_s

    def reset(self) -> None:
        """It went well."""
        self._next_s = self._first_s


class Link:
    """`run` keeps a session; `path` and `reason` tell how it stands."""

    def __init__(self, connection: NodeConnection, config: RemoteConfig, owner: Owner) -> None:
        self.path = ""
        """Of the session below the node's interface; empty: there is none."""
        self.reason = ""
        """Why there is none."""
        self._connection = connection
        self._config = config
        self._owner = owner
        self._known = asyncio.Event()
        self._sequence = 0
        self._heard_at = 0.0

    async def session(self) -> str:
        """The session's path; waits for the first outcome. Raises `RelayUnreachable`."""
        await self._known.wait()
        if not self.path:
            raise RelayUnreachable(self.reason)
        return self.path

    async def run(self) -> None:
        """Until cancelled."""
        backoff = Backoff(self._config.retry_first_s, self._config.retry_max_s)
        while True:
            try:
                alive_s = await self._open()
                backoff.reset()
                await self._hold(alive_s)
            except RelayError as error:
                self._fail(str(error))
            await asyncio.sleep(backoff.next())

    async def close(self) -> None:
        """Tell the node that nothing is wanted any more, if it can be told."""
        path, self.path, self.reason = self.path, "", "the relay is not open"
        self._known.set()
        if path:
            with suppress(RelayError):  # it finds out by our silence
                await self._connection.call("DELETE", path)

    async def _open(self) -> float:
        data = await self._connection.call("POST", "/sessions", GREETING)
        opened = parse_session_opened(data)
        self.path = f"/sessions/{opened.session}"
        self._sequence, self.reason = 0, ""
        self._heard_at = asyncio.get_running_loop().time()
        self._known.set()
        logger.info("a relay node is connected", extra={"node": self._connection.url})
        return min(self._config.alive_s, opened.silence_s / 4)

    def _fail(self, reason: str) -> None:
        had_session, self.path = bool(self.path), ""
        if had_session or reason != self.reason:
            logger.warning(
                "a relay node is not connected",
                extra={"node": self._connection.url, "reason": reason},
            )
        self.reason = reason
        self._known.set()
        if had_session:
            self._owner.lost()

    async def _hold(self, alive_s: float) -> None:
        """Returns never; raises what ended the session."""
        async with asyncio.TaskGroup() as group:
            alive = group.create_task(self._stay_alive(alive_s))
            try:
                error = await self._listen()
            finally:
                alive.cancel()
        raise error

    async def _stay_alive(self, pause_s: float) -> None:
        """Say what is wanted; whether the node still hears us is for the listener to judge."""
        while True:
            with suppress(RelayError):
                await self._connection.call(
                    "POST", f"{self.path}/alive", build(self._owner.wanted())
                )
            await asyncio.sleep(pause_s)

    async def _listen(self) -> RelayError:
        """Follow the events over any number of connections; answers what ended the session."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(self._config.retry_first_s, self._config.retry_max_s)
        while True:
            try:
                await self._follow(backoff.reset)
                error: RelayError = RelayUnreachable(f"{self._connection.url}: it hung up")
            except NotOpen as gone:
                return gone
            except RelayError as found:
                error = found
            left_s = self._heard_at + self._config.silence_s - loop.time()
            if left_s <= 0:
                return error
            await asyncio.sleep(min(backoff.next(), left_s))

    async def _follow(self, succeeded: Callable[[], None]) -> None:
        """One connection, to its end."""
        loop, silence_s = asyncio.get_running_loop(), self._config.silence_s
        lines = LineReader()
        try:
            async with asyncio.timeout_at(self._heard_at + silence_s) as patience:
                path = f"{self.path}/events?after={self._sequence}"
                async with self._connection.listen(path) as pieces:
                    async for piece in pieces:
                        for line in lines.receive(piece):
                            self._take(parse_line(line))
                            succeeded()
                        self._heard_at = loop.time()
                        patience.reschedule(self._heard_at + silence_s)
        except TimeoutError as error:
            text = f"{self._connection.url}: silent for {silence_s:.0f} s"
            raise RelayUnreachable(text) from error

    def _take(self, message: Message) -> None:
        if isinstance(message, Happened):
            if message.sequence <= self._sequence:
                return
            self._sequence = message.sequence
        elif isinstance(message, Over):
            raise NotOpen(f"{self._connection.url}: the node has ended the session")
        elif isinstance(message, Hello) and message.missed:
            logger.warning(
                "events of a relay node are lost",
                extra={"node": self._connection.url, "count": message.missed},
            )
        self._owner.hear(message)
