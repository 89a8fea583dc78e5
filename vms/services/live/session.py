"""One channel's way to a picture, for as long as somebody wants it.

Each attempt opens a port, sends an INVITE, waits for the first packet and the first key frame, and
then for the end: silence, the device's BYE, or the last viewer's leaving. What was opened is closed
in reverse order whatever happens (GB/T 28181-2022 9.2, annex K).
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from zlib import crc32

from sip.message.sdp import MediaOffer, StreamChoice
from sip.server import Invitation
from stream_relay.control import MediaControl, ReceiverControl
from stream_relay.events import FirstKeyFrame, FirstPacket, TracksChanged
from stream_relay.stream import Stream
from vms.config_sections import MediaSection
from vms.config_values import Transport
from vms.errors import LiveFailed, VmsError
from vms.records import LiveReason, LiveState, LiveStatus, LiveStep
from vms.services.capability_notes import (
    NoteCapability,
    ignore_note,
    live_capability,
    refusal_of,
)
from vms.services.doctor import Case
from vms.services.doctor.facts import Chart
from vms.services.live.board import Board
from vms.services.live.charting import (
    PulseMeter,
    note_answer,
    note_failure,
    note_media,
    note_offer,
    note_target,
)
from vms.services.live.demand import Demand
from vms.services.live.news import Message, raise_when_lost
from vms.services.live.ports import WAYS, Routes, Signalling, Target, WantKeyFrame, session_key
from vms.services.live.steps import (
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
PULSE_S = 5.0
"""How often the stream doctor looks at a running picture."""
STALL_MEMORY_S = 600.0
"""How long a stall is held against a picture that runs again."""
ASKING_S = 1.0
"""How long the wish for a key frame may take."""


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
        case: Case,
        now: Callable[[], datetime],
        note: NoteCapability = ignore_note,
        want_key_frame: WantKeyFrame | None = None,
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
        self._case = case
        self._now = now
        self._want_key_frame = want_key_frame
        self._chart = Chart(code)
        self._receiving: ReceiverControl | None = None
        self._stalled_at: deque[float] = deque(maxlen=64)
        self._inbox: asyncio.Queue[Message] = asyncio.Queue(INBOX)
        self._retry = asyncio.Event()
        self._attempts = 0
        self._failures = 0
        self._tries = 0
        """Ways of media tried in this round."""
        self._round_began = 0.0
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
        self._begin_round()
        while True:
            try:
                try:
                    await self._attempt()
                finally:
                    self._case.close(self._chart)
            except LiveFailed as failure:
                self._note_refusal(failure)
                if self._has_another_way(failure):
                    self._tries += 1
                else:
                    await self._back_off(failure)
                    self._begin_round()

    def _begin_round(self) -> None:
        self._case.begin_round()
        self._tries = 0
        self._round_began = asyncio.get_running_loop().time()

    async def _attempt(self) -> None:
        """One way from nothing to the end of a stream; ends by LiveFailed only."""
        self._attempts += 1
        self._chart = self._case.begin(self._now())
        self._tried = None
        self.board.progress(LiveState.CONNECTING, LiveStep.LOOKUP)
        with self._failure_shown():
            target = await self._find()
            self._tried = transport = self._transport(target)
            self._forget_old_news()
            async with self._receiver(target, transport) as (receiver, ssrc):
                offer = MediaOffer(
                    receiver.host or target.our_host, receiver.port, WAYS[transport], ssrc
                )
                note_offer(self._chart, transport, offer, self._settings)
                async with self._invitation(target, offer) as invitation:
                    with self._failure_shown():
                        await self._connect_media(receiver, invitation)
                        name = live_capability(transport)
                        self._note(target.device_id, name, Verdict.WORKS, "")
                        await self._play(receiver, transport)

    async def _find(self) -> Target:
        target = await find_target(self._routes, self.code)
        self.device_id = target.device_id
        note_target(self._chart, target)
        self._chart.is_registered = self._signalling.is_registered(target.device_id)
        expect_online(self._signalling, target)
        return target

    def _transport(self, target: Target) -> Transport:
        """What worked for the device first, then the others in the configured order."""
        allowed = sorted(self._settings.transports, key=lambda each: each != target.transport)
        return allowed[self._tries % len(allowed)]

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
        self._receiving = receiver
        try:
            yield receiver, ssrc
        finally:
            self.stream = self._receiving = None
            await closed(receiver.close)

    @asynccontextmanager
    async def _invitation(self, target: Target, offer: MediaOffer) -> AsyncIterator[Invitation]:
        self.board.progress(LiveState.CONNECTING, LiveStep.INVITE)
        offer = replace(offer, stream=self.choice)
        limit_s = self._settings.invite_timeout_s
        invitation = await invite(self._signalling, target, self.code, offer, limit_s)
        self.invitation_id = invitation.id
        note_answer(self._chart, invitation)
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
        await self._wait_for_key_frame(limit_s)

    async def _wait_for(
        self, wanted: type[Message], step: LiveStep, reason: LiveReason, limit_s: float
    ) -> Message:
        try:
            async with asyncio.timeout(limit_s):
                while not isinstance(message := await self._inbox.get(), wanted):
                    raise_when_lost(message, step)
        except TimeoutError as error:
            raise LiveFailed(step, reason) from error
        return message

    async def _wait_for_key_frame(self, limit_s: float) -> None:
        """Half of the time for what comes by itself, then the device is asked for one."""
        step, reason = LiveStep.KEY_FRAME, LiveReason.NO_KEY_FRAME
        try:
            message = await self._wait_for(FirstKeyFrame, step, reason, limit_s / 2)
        except LiveFailed as failure:
            if failure.reason is not reason:
                raise
            await self._ask_for_key_frame()
            message = await self._wait_for(FirstKeyFrame, step, reason, limit_s / 2)
        assert isinstance(message, FirstKeyFrame)
        self._chart.key_frame_s = message.after_s

    async def _ask_for_key_frame(self) -> None:
        if self._want_key_frame is None:
            return
        self._chart.is_key_frame_asked = True
        with suppress(TimeoutError, VmsError):
            async with asyncio.timeout(ASKING_S):
                await self._want_key_frame(self.code)

    async def _play(self, receiver: ReceiverControl, transport: Transport) -> None:
        """The picture is there; stay until it is lost."""
        self.stream = receiver.stream
        self._failures = 0
        self._chart.was_playing = True
        self._chart.step = LiveStep.PLAYING
        meter = PulseMeter()
        self._look(receiver, meter)
        self.board.progress(LiveState.LIVE, LiveStep.PLAYING)
        self.demand.release()
        logger.info("picture", extra={"channel": self.code, "transport": transport.value})
        while True:
            await self._routes.prove(self.code, self.device_id, transport)
            proof_ends = asyncio.get_running_loop().time() + PROOF_S
            while asyncio.get_running_loop().time() < proof_ends:
                await self._watch_over(min(PULSE_S, PROOF_S))
                self._look(receiver, meter)

    async def _watch_over(self, length_s: float) -> None:
        """Let it play for a while; raises LiveFailed when it is lost: silence would be told."""
        with suppress(TimeoutError):
            async with asyncio.timeout(length_s):
                await self._watch_until_lost()

    def _look(self, receiver: ReceiverControl, meter: PulseMeter) -> None:
        """How the running picture does."""
        since = asyncio.get_running_loop().time() - STALL_MEMORY_S
        stalls = sum(at > since for at in self._stalled_at)
        self._chart.pulse = meter.feel(receiver.stream, stalls)
        note_media(self._chart, receiver)
        self.board.judge(self._case.verdict)

    async def _watch_until_lost(self) -> None:
        while True:
            message = await self._inbox.get()
            if isinstance(message, TracksChanged):
                self.board.renew()
            raise_when_lost(message, LiveStep.PLAYING)

    # Failures

    @contextmanager
    def _failure_shown(self) -> Iterator[None]:
        """Show a failure at once: closing what is open may take seconds.

        Where another way of media is tried next, nothing has failed yet.
        """
        try:
            yield
        except LiveFailed as failure:
            if self._chart.failure is None:
                note_failure(self._chart, failure, self._receiving)
            if self._has_another_way(failure):
                raise
            if self.board.state is LiveState.CONNECTING or self.board.state is LiveState.LIVE:
                self.board.fail(failure, verdict=self._case.verdict)
            raise

    def _has_another_way(self, failure: LiveFailed) -> bool:
        """Whether another way of media may help, and is left in this round and its time."""
        settings = self._settings
        took_s = asyncio.get_running_loop().time() - self._round_began
        return (
            failure.reason in OTHER_TRANSPORT
            and failure.step is not LiveStep.PLAYING
            and self._tries + 1 < len(settings.transports)
            and took_s < settings.transports_limit_s
        )

    def _note_refusal(self, failure: LiveFailed) -> None:
        if failure.reason is LiveReason.STALLED:
            self._stalled_at.append(asyncio.get_running_loop().time())
        if self._tried is not None and refusal_of(failure, of_transport=True):
            name = live_capability(self._tried)
            self._note(self.device_id, name, Verdict.REFUSED, failure.detail)

    async def _back_off(self, failure: LiveFailed) -> None:
        """Tell when the next attempt begins; wait for that moment, or for a reason to go now."""
        self._failures += 1
        wait_s = self._wait_s()
        logger.warning(
            "no picture",
            extra={
                "channel": self.code,
                "device": self.device_id,
                "step": failure.step.value,
                "reason": failure.reason.value,
                "verdict": self._case.diagnosis.cause.value,
                "detail": failure.detail,
                "count": self._failures,
            },
        )
        self._retry.clear()
        self.board.fail(failure, wait_s, verdict=self._case.verdict)
        self.demand.release()
        try:
            async with asyncio.timeout(wait_s):
                await self._retry.wait()
        except TimeoutError:
            return

    def _wait_s(self) -> float:
        doubled = self._settings.retry_first_s * 2.0 ** min(self._failures - 1, 16)
        longest = min(doubled, self._settings.retry_max_s)
        # Channels that were lost together do not try again together.
        return longest * (1.0 - SPREAD * crc32(self.code.encode()) / 2**32)
