"""The asyncio facade of the signalling plane: the only module that vms uses, with `sip.events`.

Owns the listening sockets, the waiting callers and the queue of events; every rule of the protocol
is in `endpoint` and below.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from sip.endpoint import Endpoint
from sip.errors import SipError
from sip.events import Event
from sip.gb28181.catalog import CatalogResult, ask_catalog
from sip.gb28181.mansrtsp import PlaybackCommand, PlaybackReply
from sip.gb28181.query import DeviceInfo, DeviceStatus, ask_device_info, ask_device_status
from sip.gb28181.question import QueryFailed, Question
from sip.gb28181.quirks import QuirkFinder, by_user_agent
from sip.gb28181.ssrc import NoSsrcLeft
from sip.gb28181.voice import VoiceOffer
from sip.message.digest import Algorithm
from sip.message.sdp import MediaAnswer, MediaOffer
from sip.roles.authentication import Credential
from sip.roles.bindings import RegistrationSnapshot
from sip.roles.call import Invitation, InvitationAnswered, InvitationFailed, InvitationRefused
from sip.roles.config import SipConfig
from sip.roles.inquiry import InquiryEnded, PeerUnreachable
from sip.roles.playback import ControlEnded, PlaybackRefused
from sip.roles.rules import ALL_DEVICES, RedirectTarget, RegistrationRule
from sip.roles.voice_call import (
    BroadcastFailed,
    BroadcastFault,
    VoiceEnded,
    VoiceEvent,
    VoiceRequested,
    VoiceStarted,
)
from sip.subscriptions import Subscriptions
from sip.traces import ServerTrace
from sip.transport import Listener
from sip.uplinks import UplinkEvent, Uplinks, UpperSent

__all__ = [
    "ALL_DEVICES",
    "Algorithm",
    "BroadcastFailed",
    "BroadcastFault",
    "CatalogResult",
    "Credential",
    "DeviceInfo",
    "DeviceStatus",
    "Invitation",
    "InvitationFailed",
    "MediaAnswer",
    "MediaOffer",
    "NoSsrcLeft",
    "PeerUnreachable",
    "PlaybackCommand",
    "PlaybackRefused",
    "PlaybackReply",
    "QueryFailed",
    "Question",
    "RedirectTarget",
    "RegistrationRule",
    "RegistrationSnapshot",
    "SipConfig",
    "SipError",
    "SipServer",
    "VoiceEnded",
    "VoiceEvent",
    "VoiceOffer",
    "VoiceRequested",
    "VoiceStarted",
]

logger = logging.getLogger(__name__)

EVENTS_LENGTH = 65_536
"""Events waiting for the services; above it the newest is dropped and counted. A fleet of 10,000
that says goodbye is 30,000: each device with its two subscriptions."""

PARALLEL_CATALOGS = 50
"""After a power cut all devices register at once; their catalogs come in turns (8.1)."""

MARGIN_S = 2.0
"""How much longer than the endpoint's own deadline a caller waits, lest he wait for ever."""

AnswerT = TypeVar("AnswerT")
AnswerHearer = Callable[[str, Question[Any], SipError | None], None]
"""Called with device, question, and what went wrong, if anything."""


class SipServer:
    """One SIP server over UDP and TCP on one port; `async with` opens and closes it.

    Its methods belong to the loop that opened it. Errors of every method are SipError.
    `make_endpoint` takes what Endpoint takes: a pretend platform has one that errs.
    """

    def __init__(
        self,
        config: SipConfig,
        credentials: Callable[[str], Credential | None],
        wall: Callable[[], datetime],
        random_bytes: Callable[[int], bytes],
        quirks: QuirkFinder = by_user_agent,
        make_endpoint: Callable[..., Endpoint] = Endpoint,
    ) -> None:
        self._config = config
        self._endpoint = make_endpoint(config, credentials, wall, random_bytes, quirks)
        self._listener = Listener(
            self._endpoint, config.host, config.port, on_progress=self._take_notices
        )
        self.subscriptions = Subscriptions(self._endpoint, self._listener.flush, _now)
        self.trace = ServerTrace(self._endpoint.trace, self._own_address, wall, _now)
        """The latest messages of every peer, for people; nothing in it is secret."""
        self.uplinks = Uplinks(
            self._endpoint, self._listener.flush, _now, self._listener.disconnect
        )
        """The upper platforms at which we register."""
        self.on_answered: AnswerHearer = _ignore
        """Hears how every question ended: the device learns nothing of it."""
        self._stack = AsyncExitStack()
        self._events: asyncio.Queue[Event] = asyncio.Queue(EVENTS_LENGTH)
        self._voice_events: asyncio.Queue[VoiceEvent] = asyncio.Queue(EVENTS_LENGTH)
        self._dropped_events = 0
        self._waiting: dict[str | int, asyncio.Future[object]] = {}
        self._catalogs = asyncio.Semaphore(PARALLEL_CATALOGS)

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._listener)
        self._endpoint.use_port(self._listener.port)
        self._listener.flush()
        logger.info("sip server listens", extra={"port": self.port})
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._endpoint.end_invitations(_now())
        try:
            await self.uplinks.leave()
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(PeerUnreachable("the server stops"))
            await self._stack.aclose()

    @property
    def port(self) -> int:
        """The bound port, the same for UDP and TCP."""
        return self._listener.port

    def _own_address(self) -> tuple[str, int]:
        return self._config.advertised_host, self.port

    async def events(self) -> AsyncIterator[Event]:
        """Yield what happens, in order, to the one consumer there may be."""
        while True:
            yield await self._events.get()

    def waiting_events(self) -> list[Event]:
        """Take what `events` would yield next without waiting: the consumer ends."""
        return [self._events.get_nowait() for _ in range(self._events.qsize())]

    async def ask(
        self, device_id: str, question: Question[AnswerT], timeout_s: float | None = None
    ) -> AnswerT:
        """Put a question or a command to a device; `sip.gb28181` has the questions.

        `timeout_s` is the wait for the first message of the answer. Raises PeerUnreachable,
        QueryFailed.
        """
        key = self._endpoint.ask(device_id, question, _now(), timeout_s)
        try:
            answer = await self._wait_for(key)
        except SipError as error:
            self.on_answered(device_id, question, error)
            raise
        self.on_answered(device_id, question, None)
        return cast(AnswerT, answer)  # the key is of this question

    async def query_catalog(self, device_id: str, timeout_s: float | None = None) -> CatalogResult:
        """Ask for a device's channels; a short answer comes back with `complete` False.

        `timeout_s` is the wait for the first packet. Raises PeerUnreachable, QueryFailed.
        """
        async with self._catalogs:
            return await self.ask(device_id, ask_catalog(), timeout_s)

    async def query_device_info(self, device_id: str) -> DeviceInfo:
        """Ask a device for its maker, model and firmware. Raises PeerUnreachable, QueryFailed."""
        return await self.ask(device_id, ask_device_info())

    async def query_device_status(self, device_id: str) -> DeviceStatus:
        """Ask a device how it is. Raises PeerUnreachable, QueryFailed."""
        return await self.ask(device_id, ask_device_status())

    async def invite(self, device_id: str, channel_id: str, offer: MediaOffer) -> Invitation:
        """Ask a channel for live media; the ACK is out when this returns.

        Raises InvitationFailed within the configured time, PeerUnreachable. Cancelled, it takes
        the INVITE back.
        """
        invitation_id = self._endpoint.invite(device_id, channel_id, offer, _now())
        try:
            async with asyncio.timeout(self._config.invite_timeout_s + MARGIN_S):
                answer = await self._wait_for(invitation_id)
        except (asyncio.CancelledError, TimeoutError) as error:
            await self.bye(invitation_id)
            if isinstance(error, TimeoutError):
                raise InvitationFailed(408, "timeout") from error
            raise
        assert isinstance(answer, Invitation)  # the key is of an invitation
        return answer

    async def control_playback(self, invitation_id: str, command: PlaybackCommand) -> PlaybackReply:
        """Control a playback within its dialog; `sip.gb28181.mansrtsp` has the commands.

        Raises PlaybackRefused, PeerUnreachable (also when the playback is over).
        """
        key = self._endpoint.control_playback(invitation_id, command, _now())
        return cast(PlaybackReply, await self._wait_for(key))  # the key is of a control

    async def bye(self, invitation_id: str, reason: str = "") -> None:
        """End an invitation: BYE, or CANCEL while it is not answered; repeated, it does nothing."""
        logger.debug("invitation ends", extra={"call_id": invitation_id, "reason": reason})
        self._endpoint.bye(invitation_id, _now())
        self._listener.flush()

    async def voice_events(self) -> AsyncIterator[VoiceEvent]:
        """Yield what happens to broadcasts, in order, to the one consumer there may be."""
        while True:
            yield await self._voice_events.get()

    def open_broadcast(self, device_id: str, target_id: str) -> str:
        """Notify a device of our voice and return the broadcast's id (2022 9.12).

        It ends in BroadcastFailed, or the device calls: VoiceRequested. Raises PeerUnreachable.
        """
        broadcast_id = self._endpoint.open_broadcast(device_id, target_id, _now())
        self._listener.flush()
        return broadcast_id

    def accept_voice(self, call_id: str, host: str, port: int) -> int | None:
        """Answer a device's call; returns the SSRC to send with, None when it is gone."""
        ssrc = self._endpoint.accept_voice(call_id, host, port, _now())
        self._listener.flush()
        return ssrc

    def refuse_voice(self, call_id: str, status: int) -> None:
        """Refuse a device's call."""
        self._endpoint.refuse_voice(call_id, status, _now())
        self._listener.flush()

    def end_broadcast(self, broadcast_id: str) -> None:
        """End a broadcast with all its calls; repeated, it does nothing."""
        self._endpoint.end_broadcast(broadcast_id, _now())
        self._listener.flush()

    def new_ssrc(self, *, is_history: bool = False) -> int:
        """Return a number for y= that no stream of the domain has; raises NoSsrcLeft."""
        return self._endpoint.new_ssrc(_now(), is_history=is_history)

    def is_registered(self, device_id: str) -> bool:
        """Whether the device is online now."""
        return self._endpoint.is_registered(device_id)

    def registrations(self) -> list[RegistrationSnapshot]:
        """Return all bindings, to be restored after a restart."""
        return self._endpoint.registrations(_now())

    def registration(self, device_id: str) -> RegistrationSnapshot | None:
        """Return the binding of one device, None where it has none."""
        return self._endpoint.registration(device_id, _now())

    def when_in_doubt(self, ask: Callable[[], None]) -> None:
        """Let a REGISTER that would be refused wait for `settle_doubts`; `ask` hears of each."""
        self._endpoint.doubts.on_doubt = ask

    def newest_doubt(self) -> int:
        """Return the number of the latest REGISTER that had to wait."""
        return self._endpoint.doubts.newest

    def settle_doubts(self, newest: int) -> None:
        """Answer those up to a number: the passwords were read anew after they had come."""
        self._endpoint.doubts.settle(newest, _now())
        self._listener.flush()

    def set_rule(self, device_id: str, rule: RegistrationRule | None) -> None:
        """Treat a device, or ALL_DEVICES, otherwise from its next REGISTER on: other digests, no
        Date, another platform (302, 2022 9.1.2.3). None takes the rule away."""
        self._endpoint.set_rule(device_id, rule)

    def learn_heartbeat(self, device_id: str, interval_s: float, count: int) -> None:
        """Take the keepalive settings of a device's BasicParam; absurd values are clamped."""
        self._endpoint.learn_heartbeat(device_id, interval_s, count)

    def restore(self, registrations: Iterable[RegistrationSnapshot]) -> None:
        """Take bindings back; those that have run out meanwhile are left out."""
        self._endpoint.restore(registrations, _now())
        self._listener.flush()

    def forget(self, device_id: str) -> None:
        """Drop a device that was deleted; its sessions end."""
        self._endpoint.forget(device_id, _now())
        self._listener.flush()

    def stats(self) -> dict[str, int]:
        """Return all counters by name."""
        return {
            **self._endpoint.stats(),
            **self._listener.driver.counters,
            "events.waiting": self._events.qsize(),
            "events.overflow": self._dropped_events,
            "uplinks.events.overflow": self.uplinks.dropped_events,
        }

    async def _wait_for(self, key: str | int) -> object:
        """Wait for what belongs to a key; the endpoint's own deadlines bound the wait."""
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        try:
            self._listener.flush()
            return await future
        finally:
            del self._waiting[key]

    def _take_notices(self) -> None:
        while (notice := self._endpoint.next_event()) is not None:
            match notice:
                case InquiryEnded(key=key, outcome=outcome):
                    self._resolve(key, outcome)
                case ControlEnded(key=name, outcome=outcome):
                    self._resolve(name, outcome)
                case InvitationAnswered(invitation=invitation):
                    self._resolve(invitation.id, invitation)
                case InvitationRefused(invitation_id=key, error=error):
                    self._resolve(key, error)
                case _ if isinstance(notice, UplinkEvent | UpperSent):
                    self.uplinks.take(notice)
                case BroadcastFailed() | VoiceRequested() | VoiceStarted() | VoiceEnded():
                    self._publish(self._voice_events, notice)
                case _:
                    self._publish(self._events, notice)

    def _resolve(self, key: str | int, outcome: object) -> None:
        future = self._waiting.get(key)
        if future is None or future.done():
            return
        if isinstance(outcome, SipError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    def _publish(self, queue: "asyncio.Queue[Any]", event: object) -> None:
        try:
            queue.put_nowait(event)
        except asyncio.QueueFull:
            self._dropped_events += 1
            if self._dropped_events == 1:
                logger.warning("sip events dropped", extra={"event": type(event).__name__})


def _ignore(device_id: str, question: Question[Any], error: SipError | None) -> None:
    """Nobody wants to know."""


def _now() -> float:
    return asyncio.get_running_loop().time()
