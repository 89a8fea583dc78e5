"""One channel's way to a picture, for as long as somebody wants it.

Each attempt opens a port, sends an INVITE, waits for the first packet and the first key frame, and
then for the end: silence, the device's BYE, or the last viewer's leaving. What was opened is closed
in reverse order whatever happens (GB/T 28181-2022 9.2, annex K).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from enum import Enum
from zlib import crc32

from sip.message.sdp import MediaOffer, StreamChoice
from sip.server import Invitation
from stream_relay.control import MediaControl, ReceiverControl
from stream_relay.events import (
    FirstKeyFrame,
    FirstPacket,
    StreamEnded,
    StreamEvent,
    StreamStalled,
    TracksChanged,
)
from stream_relay.stream import Stream
from vms.config_sections import MediaSection
from vms.config_values import Transport
from vms.errors import LiveFailed
from vms.records import LiveReason, LiveState, LiveStatus, LiveStep
from vms.services.capability_notes import (
    NoteCapability,
    ignore_note,
    live_capability,
    refusal_of,
)
from vms.services.live.board import Board
from vms.services.live.demand import Demand
from vms.services.live.ports import WAYS, Routes, Signalling, Target
from vms.services.live.steps import (
    ENDINGS,
    OTHER_TRANSPORT,
    closed,
    expect_online,
    find_target,
    invite,
    open_port,
)
from vms.storage.device_records import Verdict

logger = logging.getLogger(__name__)

INBOX = 64
SPREAD = 0.2
"""Share of a pause that differs between channels."""

PROOF_S = 60.0
"""How old the proof of a running picture may grow."""


class DeviceLoss(Enum):
    """What signalling says about a running invitation."""

    ENDED = "bye"
    OFFLINE = "offline"


Message = StreamEvent | DeviceLoss


def session_key(code: str, choice: StreamChoice) -> str:
    """What names the session of a channel's main or sub stream; the main one is the channel."""
    return code if choice == "main" else f"{code}.{choice}"


class LiveSession:
    """Keeps one channel's stream while it is wanted; its board tells every change."""

    def __init__(
        self,
        code: str,
        *,
        choice: StreamChoice = "main",
        signalling: Signalling,
        media: MediaControl,
        routes: Routes,
        settings: MediaSection,
        board: Board,
        note: NoteCapability = ignore_note,
    ) -> None:
        self.code = code
        self.choice = choice
        self.key = session_key(code, choice)
        self.board = board
        self.demand = Demand()
        self.stream: Stream | None = None
        """The running stream; None unless the state is LIVE."""
        self.stream_id = ""
        self.invitation_id = ""
        self.device_id = ""
        self.is_over = False
        self._signalling = signalling
        self._media = media
        self._routes = routes
        self._settings = settings
        self._note = note
        self._inbox: asyncio.Queue[Message] = asyncio.Queue(INBOX)
        self._retry = asyncio.Event()
        self._attempts = 0
        self._failures = 0
        self._transport_index = 0
        self._tried: Transport | None = None
        """The way of the latest attempt."""

    @property
    def status(self) -> LiveStatus:
        """The status now."""
        return self.board.status(self.stream, len(self.demand.viewers))

    def hear(self, message: Message) -> None:
        """Take what the relay or signalling says; the newest counts: it may be the end."""
        if self._inbox.full():
            self._inbox.get_nowait()
        self._inbox.put_nowait(message)

    def try_now(self) -> None:
        """Do not wait any longer before the next attempt."""
        self._retry.set()

    async def run(self) -> None:
        """Bring the picture until nobody wants it; cancelled, close what is open."""
        while True:
            async with asyncio.TaskGroup() as group:
                work = group.create_task(self._keep_trying())
                await self.demand.until_unwanted(self._settings.linger_s)
                work.cancel()
            logger.info("nobody looks any more", extra={"channel": self.code})
            if not self.demand.is_wanted:
                return

    def finish(self) -> None:
        """It is over: tell those who still wait."""
        self.is_over = True
        self.board.finish()

    # Attempts

    async def _keep_trying(self) -> None:
        while True:
            try:
                await self._attempt()
            except LiveFailed as failure:
                await self._back_off(failure)

    async def _attempt(self) -> None:
        """One way from nothing to the end of a stream; ends by LiveFailed only."""
        self._attempts += 1
        self.board.progress(LiveState.CONNECTING, LiveStep.LOOKUP)
        with self._failure_shown():
            target = await self._find()
            self._tried = transport = self._transport(target)
            self._forget_old_news()
            async with self._receiver(target, transport) as (receiver, ssrc):
                offer = MediaOffer(
                    receiver.host or target.our_host, receiver.port, WAYS[transport], ssrc
                )
                async with self._invitation(target, offer) as invitation:
                    with self._failure_shown():
                        await self._connect_media(receiver, invitation)
                        name = live_capability(transport)
                        self._note(target.device_id, name, Verdict.WORKS, "")
                        await self._play(receiver, transport)

    async def _find(self) -> Target:
        target = await find_target(self._routes, self.code)
        self.device_id = target.device_id
        expect_online(self._signalling, target)
        return target

    def _transport(self, target: Target) -> Transport:
        """What worked for the device first, then the others in the configured order."""
        allowed = sorted(self._settings.transports, key=lambda each: each != target.transport)
        return allowed[self._transport_index % len(allowed)]

    def _forget_old_news(self) -> None:
        while not self._inbox.empty():
            self._inbox.get_nowait()

    @asynccontextmanager
    async def _receiver(
        self, target: Target, transport: Transport
    ) -> AsyncIterator[tuple[ReceiverControl, int]]:
        self.board.progress(LiveState.CONNECTING, LiveStep.PORT, transport.value)
        self.stream_id = f"{self.key}#{self._attempts}"
        receiver, ssrc = await open_port(
            self._media,
            self.stream_id,
            target,
            transport,
            self._signalling.new_ssrc,
            ssrc_check=self._settings.ssrc_check,
        )
        try:
            yield receiver, ssrc
        finally:
            self.stream = None
            await closed(receiver.close)

    @asynccontextmanager
    async def _invitation(self, target: Target, offer: MediaOffer) -> AsyncIterator[Invitation]:
        self.board.progress(LiveState.CONNECTING, LiveStep.INVITE)
        offer = replace(offer, stream=self.choice)
        limit_s = self._settings.invite_timeout_s
        invitation = await invite(self._signalling, target, self.code, offer, limit_s)
        self.invitation_id = invitation.id
        try:
            yield invitation
        finally:
            self.invitation_id = ""
            await closed(lambda: self._signalling.bye(invitation.id))

    async def _connect_media(self, receiver: ReceiverControl, invitation: Invitation) -> None:
        self.board.progress(LiveState.CONNECTING, LiveStep.MEDIA)
        answer = invitation.remote
        limit_s = self._settings.first_packet_timeout_s
        receiver.answered(answer.host, answer.port, answer.ssrc)
        await self._wait_for(FirstPacket, LiveStep.MEDIA, LiveReason.NO_MEDIA, limit_s)
        self.board.progress(LiveState.CONNECTING, LiveStep.KEY_FRAME)
        await self._wait_for(FirstKeyFrame, LiveStep.KEY_FRAME, LiveReason.NO_KEY_FRAME, limit_s)

    async def _wait_for(
        self, wanted: type[Message], step: LiveStep, reason: LiveReason, limit_s: float
    ) -> None:
        try:
            async with asyncio.timeout(limit_s):
                while not isinstance(message := await self._inbox.get(), wanted):
                    _raise_when_lost(message, step)
        except TimeoutError as error:
            raise LiveFailed(step, reason) from error

    async def _play(self, receiver: ReceiverControl, transport: Transport) -> None:
        """The picture is there; stay until it is lost."""
        self.stream = receiver.stream
        self._failures = 0
        self.board.progress(LiveState.LIVE, LiveStep.PLAYING)
        self.demand.release()
        logger.info("picture", extra={"channel": self.code, "transport": transport.value})
        while True:
            await self._routes.prove(self.code, self.device_id, transport)
            await self._watch_over(PROOF_S)

    async def _watch_over(self, length_s: float) -> None:
        """Let it play for a while; raises LiveFailed when it is lost: silence would be told."""
        with suppress(TimeoutError):
            async with asyncio.timeout(length_s):
                await self._watch_until_lost()

    async def _watch_until_lost(self) -> None:
        while True:
            message = await self._inbox.get()
            if isinstance(message, TracksChanged):
                self.board.renew()
            _raise_when_lost(message, LiveStep.PLAYING)

    # Failures

    @contextmanager
    def _failure_shown(self) -> Iterator[None]:
        """Show a failure at once: closing what is open may take seconds."""
        try:
            yield
        except LiveFailed as failure:
            if self.board.state is LiveState.CONNECTING or self.board.state is LiveState.LIVE:
                self.board.fail(failure)
            raise

    async def _back_off(self, failure: LiveFailed) -> None:
        """Tell when the next attempt begins; wait for that moment, or for a reason to go now."""
        self._failures += 1
        wait_s = self._wait_s(failure)
        if self._tried is not None and refusal_of(failure, of_transport=True):
            name = live_capability(self._tried)
            self._note(self.device_id, name, Verdict.REFUSED, failure.detail)
        logger.warning(
            "no picture",
            extra={
                "channel": self.code,
                "device": self.device_id,
                "step": failure.step.value,
                "reason": failure.reason.value,
                "detail": failure.detail,
                "count": self._failures,
            },
        )
        self._retry.clear()
        self.board.fail(failure, wait_s)
        self.demand.release()
        try:
            async with asyncio.timeout(wait_s):
                await self._retry.wait()
        except TimeoutError:
            return

    def _wait_s(self, failure: LiveFailed) -> float:
        if failure.reason in OTHER_TRANSPORT:
            self._transport_index += 1
        is_refusal = failure.reason is LiveReason.TRANSPORT_REFUSED
        if is_refusal and self._failures < len(self._settings.transports):
            return 0.0
        doubled = self._settings.retry_first_s * 2.0 ** min(self._failures - 1, 16)
        longest = min(doubled, self._settings.retry_max_s)
        # Channels that were lost together do not try again together.
        return longest * (1.0 - SPREAD * crc32(self.code.encode()) / 2**32)


def _raise_when_lost(message: Message, step: LiveStep) -> None:
    """Raise LiveFailed for what ends a stream; everything else passes."""
    if isinstance(message, StreamStalled):
        raise LiveFailed(step, LiveReason.STALLED, f"{message.silent_s:.0f} s")
    if isinstance(message, StreamEnded):
        raise LiveFailed(step, ENDINGS[message.reason], message.reason.value)
    if message is DeviceLoss.ENDED:
        raise LiveFailed(step, LiveReason.DEVICE_ENDED)
    if message is DeviceLoss.OFFLINE:
        raise LiveFailed(step, LiveReason.DEVICE_OFFLINE)
