"""One recording on its way from a device: for a person who watches, or into a file.

A port is opened, the INVITE sent with the window, and what comes is shown until the device says
that the file is over, or falls silent, or nobody wants it (GB/T 28181-2022 9.8, 9.9). What was
opened is closed in reverse order whatever happens.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from sip.gb28181.mansrtsp import Method, PlaybackCommand
from sip.message.sdp import History, HistoryKind, MediaOffer
from sip.server import (
    Invitation,
    PeerUnreachable,
    PlaybackReply,
)
from stream_relay.control import MediaControl, ReceiverControl
from stream_relay.events import FirstKeyFrame, FirstPacket, StreamEnded, StreamEvent
from stream_relay.stream import Stream
from vms.config_sections import MediaSection
from vms.config_values import Transport
from vms.errors import LiveFailed
from vms.records import LiveReason, LiveState, LiveStatus, LiveStep
from vms.services.capability_notes import NoteCapability, ignore_note, refusal_of
from vms.services.live.board import Board
from vms.services.live.demand import Demand
from vms.services.live.ports import WAYS, Inviter, Routes, Target
from vms.services.live.session import INBOX
from vms.services.live.steps import (
    ENDINGS,
    OTHER_TRANSPORT,
    closed,
    expect_online,
    find_target,
    invite,
    open_port,
)
from vms.services.playback_position import Position
from vms.storage.device_records import Verdict

logger = logging.getLogger(__name__)

LOOK_S = 0.25
"""How often position and silence are looked at."""
DRAIN_S = 1.0
"""What was sent before the end of the file may still be on its way."""


class Signalling(Inviter, Protocol):
    """The part of `sip.server.SipServer` that brings recordings."""

    def new_ssrc(self, *, is_history: bool = False) -> int:
        """A number that no running stream of the domain has (2022 annex G, y=)."""

    async def control_playback(self, invitation_id: str, command: PlaybackCommand) -> PlaybackReply:
        """Raises PlaybackRefused, PeerUnreachable."""


class PlaybackEnd(Enum):
    """What ends a playback well."""

    FINISHED = "finished"
    """MediaStatus 121, or BYE of the device."""
    SILENT = "silent"
    """The device stopped sending and said nothing (quirk 51)."""


class DeviceNews(Enum):
    """What signalling says about a running invitation."""

    FILE_ENDED = "file"
    ENDED = "bye"
    OFFLINE = "offline"


Message = StreamEvent | DeviceNews


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked for, UNIX seconds."""

    kind: HistoryKind
    start: int
    stop: int
    speed: int = 0
    """Of a download; 0: as the device likes."""


class PlaybackSession:
    """Brings one recording; its board tells viewers every change."""

    def __init__(
        self,
        session_id: str,
        code: str,
        window: Window,
        *,
        signalling: Signalling,
        media: MediaControl,
        routes: Routes,
        settings: MediaSection,
        board: Board,
        turn: Callable[[str], asyncio.Lock],
        note: NoteCapability = ignore_note,
    ) -> None:
        """`turn` gives the lock of a device: one INVITE after the other (quirk 53)."""
        self.id = session_id
        self.code = code
        self.window = window
        self.board = board
        self.demand = Demand()
        self.position = Position(window.stop - window.start, float(window.speed or 1))
        self.opened: Stream | None = None
        """What the open port brings, from before the first packet on."""
        self.stream: Stream | None = None
        self.stream_id = ""
        self.invitation_id = ""
        self.device_id = ""
        self.size_bytes: int | None = None
        """As the device told it, of a download."""
        self.is_held = False
        self.is_over = False
        self._signalling = signalling
        self._media = media
        self._routes = routes
        self._settings = settings
        self._turn = turn
        self._note = note
        self._inbox: asyncio.Queue[Message] = asyncio.Queue(INBOX)
        self._attempts = 0
        self._fresh_at = 0.0
        """When something came last, or when it was last allowed to be silent."""

    @property
    def _capability(self) -> str:
        return "download" if self.window.kind == "Download" else "playback"

    @property
    def status(self) -> LiveStatus:
        """The state as a tile shows it."""
        return self.board.status(self.stream, len(self.demand.viewers))

    def hear(self, message: Message) -> None:
        """Take what the relay or signalling says; the newest counts: it may be the end."""
        if self._inbox.full():
            self._inbox.get_nowait()
        self._inbox.put_nowait(message)

    async def run(self) -> PlaybackEnd | LiveFailed | None:
        """Bring it to its end, good or bad; None when nobody wanted it any more."""
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(self.demand.until_unwanted(self._settings.linger_s))
            work = group.create_task(self._bring())
            await asyncio.wait([waiting, work], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            work.cancel()
        return None if work.cancelled() else work.result()

    async def control(self, command: PlaybackCommand) -> PlaybackReply:
        """Send a command; raises PlaybackRefused, PeerUnreachable."""
        if not self.invitation_id:
            raise PeerUnreachable("no picture yet")
        reply = await self._signalling.control_playback(self.invitation_id, command)
        self.give_time()
        return reply

    async def obey(self, command: PlaybackCommand) -> PlaybackReply:
        """Pass another platform's command on as it came, and count as it says; the same errors."""
        reply = await self.control(command)
        if command.method is Method.TEARDOWN:
            return reply
        place = command.range.start_s if command.range is not None else None
        scale = reply.scale or command.scale
        self.is_held = command.method is Method.PAUSE
        if place is not None or scale is not None:
            is_turn = scale is not None and (scale < 0) != (self.position.scale < 0)
            self.position.place(place, scale)
            if place is not None or is_turn:
                self.renew_clock()
        return reply

    def give_time(self) -> None:
        """Silence counts anew from now on."""
        self._fresh_at = asyncio.get_running_loop().time()

    def renew_clock(self) -> None:
        """The stamps go on from anywhere: the device was told to go elsewhere."""
        if self.stream is not None and self.stream.end_reason is None:
            self.stream.restart_clock()

    def finish(self) -> None:
        """It is over: tell those who still wait."""
        self.is_over = True
        self.board.finish()
        self.board.renew()

    # Attempts

    async def _bring(self) -> PlaybackEnd | LiveFailed:
        """Try the ways of media until a picture comes; the last failure is the answer."""
        self.board.progress(LiveState.CONNECTING, LiveStep.LOOKUP)
        try:
            target = await self._find()
        except LiveFailed as failure:
            return self._failed(failure)
        ways = sorted(self._settings.transports, key=lambda each: each != target.transport)
        for number, transport in enumerate(ways, 1):
            try:
                return await self._attempt(target, transport)
            except LiveFailed as failure:
                is_other_worth = failure.reason in OTHER_TRANSPORT and number < len(ways)
                if not is_other_worth or self.position.seconds > 0:
                    return self._failed(failure)
                logger.info(
                    "recording is asked for another way",
                    extra={"channel": self.code, "reason": failure.reason.value},
                )
        raise AssertionError("a way of media is configured")

    def _failed(self, failure: LiveFailed) -> LiveFailed:
        if refusal_of(failure, of_transport=False):
            self._note(self.device_id, self._capability, Verdict.REFUSED, failure.detail)
        self.board.fail(failure)
        self.demand.release()
        return failure

    async def _find(self) -> Target:
        target = await find_target(self._routes, self.code)
        self.device_id = target.device_id
        expect_online(self._signalling, target)
        return target

    async def _attempt(self, target: Target, transport: Transport) -> PlaybackEnd:
        while not self._inbox.empty():
            self._inbox.get_nowait()
        window = self.window
        async with self._receiver(target, transport) as (receiver, ssrc):
            history = History(window.kind, window.start, window.stop, download_speed=window.speed)
            offer = MediaOffer(
                receiver.host or target.our_host,
                receiver.port,
                WAYS[transport],
                ssrc,
                history=history,
            )
            async with self._invitation(target, offer) as invitation:
                await self._connect_media(receiver, invitation)
                self._note(target.device_id, self._capability, Verdict.WORKS, "")
                self.stream = receiver.stream
                self.board.progress(LiveState.LIVE, LiveStep.PLAYING, transport.value)
                self.demand.release()
                return await self._play(receiver.stream)

    @asynccontextmanager
    async def _receiver(
        self, target: Target, transport: Transport
    ) -> AsyncIterator[tuple[ReceiverControl, int]]:
        self.board.progress(LiveState.CONNECTING, LiveStep.PORT, transport.value)
        self._attempts += 1
        self.stream_id = f"{self.id}#{self._attempts}"
        receiver, ssrc = await open_port(
            self._media,
            self.stream_id,
            target,
            transport,
            lambda: self._signalling.new_ssrc(is_history=True),
            ssrc_check=self._settings.ssrc_check,
        )
        self.opened = receiver.stream
        try:
            yield receiver, ssrc
        finally:
            self.stream = self.opened = None
            await closed(receiver.close)

    @asynccontextmanager
    async def _invitation(self, target: Target, offer: MediaOffer) -> AsyncIterator[Invitation]:
        self.board.progress(LiveState.CONNECTING, LiveStep.INVITE)
        limit_s = self._settings.invite_timeout_s
        async with self._turn(target.device_id):
            invitation = await invite(self._signalling, target, self.code, offer, limit_s)
        self.invitation_id = invitation.id
        self.size_bytes = invitation.remote.size_bytes
        try:
            yield invitation
        finally:
            self.invitation_id = ""
            await closed(lambda: self._signalling.bye(invitation.id))

    async def _connect_media(self, receiver: ReceiverControl, invitation: Invitation) -> None:
        self.board.progress(LiveState.CONNECTING, LiveStep.MEDIA)
        answer = invitation.remote
        receiver.answered(answer.host, answer.port, answer.ssrc)
        await self._wait_for(FirstPacket, LiveStep.MEDIA, LiveReason.NO_MEDIA)
        self.board.progress(LiveState.CONNECTING, LiveStep.KEY_FRAME)
        await self._wait_for(FirstKeyFrame, LiveStep.KEY_FRAME, LiveReason.NO_KEY_FRAME)

    async def _wait_for(
        self, wanted: type[StreamEvent], step: LiveStep, reason: LiveReason
    ) -> None:
        try:
            async with asyncio.timeout(self._settings.first_packet_timeout_s):
                while not isinstance(message := await self._inbox.get(), wanted):
                    if message in (DeviceNews.ENDED, DeviceNews.FILE_ENDED):
                        raise LiveFailed(step, LiveReason.DEVICE_ENDED)
                    _raise_when_lost(message, step)
        except TimeoutError as error:
            raise LiveFailed(step, reason) from error

    async def _play(self, stream: Stream) -> PlaybackEnd:
        """The picture is there; stay until its end."""
        logger.info("recording plays", extra={"channel": self.code, "stream": self.stream_id})
        self.give_time()
        packets = 0
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    message = await self._inbox.get()
            except TimeoutError:
                pass
            else:
                if message in (DeviceNews.FILE_ENDED, DeviceNews.ENDED):
                    await self._drain()
                    return PlaybackEnd.FINISHED
                _raise_when_lost(message, LiveStep.PLAYING)
            now = asyncio.get_running_loop().time()
            self.position.look(stream.core.timeline.dts, now)
            seen = stream.statistics.packets
            if seen != packets or self.is_held:
                packets, self._fresh_at = seen, now
            elif now - self._fresh_at > self._settings.stall_timeout_s:
                return PlaybackEnd.SILENT

    async def _drain(self) -> None:
        """Let viewers get what came before the end (7.3)."""
        await asyncio.sleep(DRAIN_S)


def _raise_when_lost(message: Message, step: LiveStep) -> None:
    if isinstance(message, StreamEnded):
        raise LiveFailed(step, ENDINGS[message.reason], message.reason.value)
    if message is DeviceNews.OFFLINE:
        raise LiveFailed(step, LiveReason.DEVICE_OFFLINE)
