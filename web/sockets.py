"""What all WebSockets here share: time limits, the session behind them, an orderly end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aiohttp import WSMsgType, web

from web.auth import session_token
from web.call import Call
from web.keys import limits_key
from web.limits import Seats

SESSION_ENDED = 4401
"""Close code of our own (RFC 6455 §7.4.2): log in again."""
TOO_SLOW = 4408
"""Close code of our own: what was sent was not taken in time."""
LARGEST_MESSAGE = 4096
"""Clients have nothing to say; this bounds what is read from them."""


class UpgradeRequired(Exception):
    """A plain request came to an address that speaks WebSocket only."""


class TooSlow(Exception):
    """The client did not take a message within the time limit."""


async def until_first(*work: Coroutine[Any, Any, None]) -> None:
    """Run all until the first has ended; the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


async def until_session_ends(call: Call) -> None:
    """Return when the session behind a long connection is over, at a logout at once.

    Looking counts as use of the session, but not by a token in the address: that may be anywhere.
    """
    is_use = bool(session_token(call.request))
    interval_s = call.request.app[limits_key].session_s
    await call.services.users.until_ended(call.identity, interval_s, is_use=is_use)


class Socket:
    """One WebSocket that only the server talks on; made before anything is started for it.

    Raises UpgradeRequired for a request that is none.
    """

    def __init__(self, call: Call, seats: Seats) -> None:
        self._call = call
        self._seats = seats
        self._limits = call.request.app[limits_key]
        self.response = web.WebSocketResponse(
            heartbeat=self._limits.heartbeat_s,
            max_msg_size=LARGEST_MESSAGE,
            compress=False,
            timeout=self._limits.write_s,
        )
        if not self.response.can_prepare(call.request):
            raise UpgradeRequired

    async def serve(self, talk: Callable[["Socket"], Awaitable[None]]) -> web.WebSocketResponse:
        """Accept, run `talk` until it or the client or the session ends, and close."""
        await self.response.prepare(self._call.request)
        try:
            await until_first(self._until_closed(), self._until_session_ends(), self._talk(talk))
        finally:
            if not self.response.closed:
                self._abort()
        return self.response

    async def send_text(self, text: str) -> None:
        """Send one text message; raises TooSlow."""
        await self._send(self.response.send_str(text))

    async def send_bytes(self, data: bytes) -> None:
        """Send one binary message; raises TooSlow."""
        await self._send(self.response.send_bytes(data))

    async def _send(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._limits.write_s):
                await sending
        except TimeoutError as error:
            raise TooSlow from error

    async def _talk(self, talk: Callable[["Socket"], Awaitable[None]]) -> None:
        try:
            await talk(self)
        except TooSlow:
            self._seats.slow += 1
            self._abort()
        except ConnectionError:
            return
        else:
            await self.response.close()

    async def _until_closed(self) -> None:
        """Read until the client says goodbye or is gone; what it says is not listened to."""
        while True:
            message = await self.response.receive()
            if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED}:
                return
            if message.type is WSMsgType.ERROR:
                return

    async def _until_session_ends(self) -> None:
        await until_session_ends(self._call)
        await self.response.close(code=SESSION_ENDED, message=b"session ended")

    def _abort(self) -> None:
        """Drop the connection with what is still queued for it."""
        transport = self._call.request.transport
        if transport is not None:
            transport.abort()
