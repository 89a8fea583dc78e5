"""Playback of recordings on devices: sessions with an owner, controlled while they run.

Each belongs to the person who began it; others may look. The device's limit is kept (quirk 53), a
session ends with its file, by silence, by the device's BYE or when nobody looks any more.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sip.gb28181 import mansrtsp
from sip.gb28181.mansrtsp import Method, PlaybackCommand, Range
from sip.gb28181.quirks import DeviceQuirks, Quirk, none_known
from sip.message.sdp import HistoryKind
from sip.server import PeerUnreachable, PlaybackRefused
from stream_relay.control import MediaControl
from stream_relay.events import StreamEvent
from stream_relay.outputs.chunk import Format
from vms.clock import Clock
from vms.config_sections import MediaSection, PlaybackSection
from vms.errors import Conflict, Invalid, LiveFailed, NotFound, NotReady, VmsError
from vms.ids import new_name
from vms.records import LiveReason, LiveState, LiveStep, Playback, PlaybackState
from vms.services.capability_notes import NoteCapability, ignore_note
from vms.services.live import Watch
from vms.services.live.board import Board
from vms.services.live.ports import Routes
from vms.services.playback_session import (
    DeviceNews,
    PlaybackEnd,
    PlaybackSession,
    Signalling,
    Window,
)
from vms.storage.device_records import Verdict
from vms.supervise import supervise

logger = logging.getLogger(__name__)

MOST_PLAYBACKS = 256
KEPT = 256
"""Playbacks that are over and still tell why."""
LONGEST = timedelta(days=1)
FASTEST = 16.0
"""Further speeds are worth nothing to an eye."""


@dataclass(slots=True, eq=False)
class _Running:
    """A playback and what is said of it."""

    session: PlaybackSession
    owner: str
    created_at: datetime
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    task: asyncio.Task[None] | None = None


class PlaybackService:
    """Owns the running playbacks, and opens sessions for downloads; `run` must be running."""

    def __init__(
        self,
        signalling: Signalling,
        media: MediaControl,
        routes: Routes,
        settings: PlaybackSection,
        media_settings: MediaSection,
        clock: Clock,
        quirks: DeviceQuirks = none_known,
    ) -> None:
        self._quirks = quirks
        self._signalling = signalling
        self._media = media
        self._routes = routes
        self._settings = settings
        self._media_settings = media_settings
        self._clock = clock
        self.on_capability: NoteCapability = ignore_note
        """Hears what a device can do with its recordings."""
        self._sessions: dict[str, PlaybackSession] = {}
        """Those of playbacks and of downloads."""
        self._running: dict[str, _Running] = {}
        self._over: OrderedDict[str, Playback] = OrderedDict()
        self._turns: dict[str, asyncio.Lock] = {}
        self._can_reverse: dict[str, bool] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Serve until cancelled; then every session is ended."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await asyncio.Event().wait()
        finally:
            self._group = None

    # For people

    async def create(
        self, code: str, start: datetime, end: datetime, *, speed: float = 1.0, owner: str = ""
    ) -> Playback:
        """Begin to play a stretch of a device's recordings; answers at once.

        Raises NotFound(channel), Invalid, Conflict(playback_limit).
        """
        check_window(start, end, LONGEST, self._clock.wall())
        _check_speed(speed)
        if self._group is None:
            raise NotReady(retry_after_s=1.0)
        if len(self._running) >= MOST_PLAYBACKS:
            raise Conflict("playback_limit", limit=MOST_PLAYBACKS)
        session = await self.open_session(code, "Playback", start, end)
        running = _Running(session, owner, self._clock.wall())
        self._running[session.id] = running
        session.demand.hold()
        running.task = self._group.create_task(self._serve(running, speed))
        return self._view(running)

    def get(self, playback_id: str) -> Playback:
        """One playback, running or lately over; raises NotFound(playback)."""
        running = self._running.get(playback_id)
        if running is not None:
            return self._view(running)
        if playback_id not in self._over:
            raise NotFound("playback", playback_id)
        return self._over[playback_id]

    def playbacks(self) -> tuple[Playback, ...]:
        """All that run, the oldest first."""
        return tuple(self._view(running) for running in self._running.values())

    async def change(
        self,
        playback_id: str,
        *,
        position: datetime | None = None,
        speed: float | None = None,
        paused: bool | None = None,
    ) -> Playback:
        """Seek, change the speed (below 0: backwards), hold or go on, in this order.

        Raises NotFound(playback), Conflict(playback_over, playback_refused, reverse_refused),
        Invalid, NotReady.
        """
        running = self._running.get(playback_id)
        if running is None:
            self.get(playback_id)
            raise Conflict("playback_over")
        if speed is not None:
            _check_speed(speed)
        async with running.changing:
            if position is not None:
                await self._seek(running.session, position)
            if speed is not None:
                await self._set_speed(running.session, speed)
            if paused is not None and paused is not running.session.is_held:
                await self._hold(running.session, paused)
        return self._view(running)

    async def stop(self, playback_id: str) -> Playback:
        """End a playback; one that is over stays so. Raises NotFound(playback)."""
        running = self._running.get(playback_id)
        if running is None or running.task is None:
            return self.get(playback_id)
        running.task.cancel()
        await asyncio.wait([running.task])
        if playback_id in self._running:  # it had not even begun
            self._conclude(running, [])
        return self.get(playback_id)

    @asynccontextmanager
    async def watch(
        self, playback_id: str, output_format: Format, viewer: str
    ) -> AsyncIterator[Watch]:
        """Look at a playback for the length of the block; raises NotFound(playback)."""
        running = self._running.get(playback_id)
        if running is None:
            raise NotFound("playback", playback_id)
        session = running.session
        limit = self._media_settings.viewer_queue
        number = session.demand.enter(viewer)
        try:
            yield Watch(session, self._media, output_format, limit)
        finally:
            session.demand.leave(number)

    # For downloads

    async def open_session(
        self, code: str, kind: HistoryKind, start: datetime, end: datetime, speed: int = 0
    ) -> PlaybackSession:
        """A session that hears its events until `close_session`; raises NotFound(channel),
        Conflict(playback_limit) when the device sends as many recordings as it may.
        """
        target = await self._routes.find(code)
        running = sum(each.device_id == target.device_id for each in self._sessions.values())
        known = self._quirks(target.device_id).given(Quirk.PLAYBACK_LIMIT)
        limit = self._settings.per_device if known is None else max(int(known), 1)
        if running >= limit:
            raise Conflict("playback_limit", limit=limit)
        session = PlaybackSession(
            f"playback-{new_name()}",
            code,
            Window(kind, int(start.timestamp()), int(end.timestamp()), speed),
            signalling=self._signalling,
            media=self._media,
            routes=self._routes,
            settings=self._media_settings,
            board=Board(code, self._clock, lambda _: None),
            turn=lambda device: self._turns.setdefault(device, asyncio.Lock()),
            note=self.on_capability,
        )
        session.device_id = target.device_id
        session.board.progress(LiveState.CONNECTING, LiveStep.LOOKUP)
        self._sessions[session.id] = session
        return session

    def close_session(self, session: PlaybackSession) -> None:
        """Forget a session whose `run` is over."""
        self._sessions.pop(session.id, None)
        session.finish()

    # For signalling and the relay

    def hear_media(self, event: StreamEvent) -> None:
        """Take an event of a stream that is no live picture."""
        session = self._sessions.get(event.stream_id.partition("#")[0])
        if session is not None and session.stream_id == event.stream_id:
            session.hear(event)

    def invitation_ended(self, invitation_id: str, reason: str) -> None:
        """An invitation is over; what we ended ourselves is known already."""
        for session in self._sessions.values():
            if session.invitation_id == invitation_id and reason != "local":
                session.hear(DeviceNews.OFFLINE if reason == "offline" else DeviceNews.ENDED)

    def file_ended(self, device_id: str, invitation_id: str) -> None:
        """A device has sent a file; one that does not say which can only mean its only one."""
        candidates = [s for s in self._sessions.values() if s.device_id == device_id]
        for session in candidates:
            is_only = not invitation_id and len(candidates) == 1
            if session.invitation_id and (session.invitation_id == invitation_id or is_only):
                session.hear(DeviceNews.FILE_ENDED)

    # Inside

    async def _serve(self, running: _Running, speed: float) -> None:
        """Bring a playback to its end; whatever ends it is told."""
        session, outcomes = running.session, list[PlaybackEnd | LiveFailed | None]()

        async def bring() -> None:
            outcomes.append(await session.run())

        try:
            async with asyncio.TaskGroup() as group:
                beginning = group.create_task(self._begin_at(running, speed))
                await supervise(f"playback {session.code}", bring)
                beginning.cancel()
        finally:
            self._conclude(running, outcomes)

    async def _begin_at(self, running: _Running, speed: float) -> None:
        """Set the first speed as soon as there is a picture."""
        board = running.session.board
        while speed != 1.0 and board.state is not LiveState.LIVE:
            await board.next_change().wait()
        if speed == 1.0:
            return
        try:
            await self.change(running.session.id, speed=speed)
        except VmsError as error:
            logger.info("first speed refused", extra={"reason": error.code})

    def _conclude(self, running: _Running, outcomes: list[PlaybackEnd | LiveFailed | None]) -> None:
        session, position = running.session, running.session.position
        state, reason, detail = PlaybackState.ENDED, "stopped", ""
        match outcomes:
            case [LiveFailed() as failure]:
                state, reason = PlaybackState.FAILED, failure.reason.value
                detail = failure.detail
            case [PlaybackEnd() as end]:
                reason = end.value
                if position.is_at_end:
                    position.place(0.0 if position.scale < 0 else position.length_s)
            case [None]:
                reason = "unwatched"
        view = replace(self._view(running), state=state, reason=reason, detail=detail)
        self._over[session.id] = view
        while len(self._over) > KEPT:
            self._over.popitem(last=False)
        del self._running[session.id]
        self.close_session(session)
        logger.info("playback over", extra={"channel": session.code, "reason": reason})

    def _view(self, running: _Running) -> Playback:
        session = running.session
        start = datetime.fromtimestamp(session.window.start, UTC)
        return Playback(
            id=session.id,
            channel=session.code,
            owner=running.owner,
            started_at=start,
            ended_at=datetime.fromtimestamp(session.window.stop, UTC),
            state=_state_of(session),
            position=self._position(session),
            speed=session.position.scale,
            created_at=running.created_at,
            can_reverse=self._can_reverse.get(session.device_id),
        )

    def _position(self, session: PlaybackSession) -> datetime:
        start = datetime.fromtimestamp(session.window.start, UTC)
        return start + timedelta(seconds=session.position.seconds)

    # Commands

    async def _seek(self, session: PlaybackSession, position: datetime) -> None:
        seconds = position.timestamp() - session.window.start
        if not 0 <= seconds <= session.position.length_s:
            raise Invalid("position", "outside_window")
        if session.position.scale < 0:
            command = mansrtsp.reverse(seconds, session.position.scale)
        else:
            command = mansrtsp.seek(seconds)
        await self._send(session, command, "playback_seek")
        session.position.place(seconds)
        session.is_held = False
        session.renew_clock()

    async def _set_speed(self, session: PlaybackSession, speed: float) -> None:
        here, before = session.position.seconds, session.position.scale
        if speed < 0:
            command = mansrtsp.reverse(here, speed)
        elif before < 0:
            command = PlaybackCommand(Method.PLAY, speed, Range(here))
        else:
            command = mansrtsp.set_speed(speed)
        try:
            name = "playback_reverse" if speed < 0 else "playback_speed"
            reply = await self._send(session, command, name)
        except Conflict as error:
            if speed >= 0:
                raise
            self._can_reverse[session.device_id] = False
            raise Conflict("reverse_refused", detail=error.message) from error
        if speed < 0:
            self._can_reverse[session.device_id] = True
        # A device may grant another speed than the one it was asked for (2022 B.2.8).
        session.position.place(scale=reply.scale or speed)
        session.is_held = False
        if (speed < 0) != (before < 0):
            session.renew_clock()

    async def _hold(self, session: PlaybackSession, paused: bool) -> None:
        command = mansrtsp.pause() if paused else mansrtsp.resume()
        await self._send(session, command, "playback_pause")
        session.is_held = paused

    async def _send(
        self, session: PlaybackSession, command: PlaybackCommand, capability: str
    ) -> mansrtsp.PlaybackReply:
        if session.board.state is not LiveState.LIVE:
            raise NotReady(code="playback_not_ready", retry_after_s=1.0)
        try:
            async with asyncio.timeout(self._media_settings.invite_timeout_s):
                reply = await session.control(command)
        except PlaybackRefused as error:
            detail = f"{error.status} {error.reason}".strip()
            self.on_capability(session.device_id, capability, Verdict.REFUSED, detail)
            raise Conflict("playback_refused", detail, detail=detail) from error
        except (TimeoutError, PeerUnreachable) as error:
            raise NotReady(code=LiveReason.DEVICE_UNREACHABLE.value) from error
        self.on_capability(session.device_id, capability, Verdict.WORKS, "")
        return reply


def check_window(start: datetime, end: datetime, longest: timedelta, now: datetime) -> None:
    """Raises Invalid for a stretch of time that no device can have recorded."""
    if end <= start:
        raise Invalid("end", "before_start")
    if end - start > longest:
        raise Invalid("end", "too_long")
    if start > now:
        raise Invalid("start", "in_future")


def _check_speed(speed: float) -> None:
    if not 0.1 <= abs(speed) <= FASTEST:
        raise Invalid("speed", "out_of_range")


def _state_of(session: PlaybackSession) -> PlaybackState:
    if session.board.state is LiveState.LIVE:
        return PlaybackState.PAUSED if session.is_held else PlaybackState.PLAYING
    return PlaybackState.CONNECTING
