"""Live pictures on demand: the first viewer starts a stream, all share it, the last one ends it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from sip.message.sdp import StreamChoice
from stream_relay.control import MediaControl
from stream_relay.events import SourceRejected, StreamEvent
from stream_relay.outputs.chunk import Format
from vms.bus import Bus
from vms.clock import Clock
from vms.config_sections import MediaSection
from vms.errors import NotReady
from vms.events import DeviceStatusChanged, LiveStatusChanged
from vms.records import LiveState, LiveStatus, LiveStep
from vms.services.capability_notes import NoteCapability, ignore_note
from vms.services.doctor import CaseBook
from vms.services.live.board import Board
from vms.services.live.news import DeviceLoss
from vms.services.live.ports import Routes, Signalling, WantKeyFrame, session_key
from vms.services.live.session import LiveSession
from vms.services.live.watch import Watch
from vms.supervise import supervise

logger = logging.getLogger(__name__)

DEVICE_NEWS = 65_536
"""News of devices that may wait: after a power cut all of them come back at once."""

WAKE_PAUSE_S = 0.02
"""Between two pictures that are asked for because their devices are back: 50 INVITEs a second."""

KEPT_FAILURES = 1000
"""Channels whose last failure is still told after nobody waits for them."""


class LiveService:
    """Owns one session per wanted channel; `run` must be running."""

    def __init__(
        self,
        signalling: Signalling,
        media: MediaControl,
        routes: Routes,
        settings: MediaSection,
        clock: Clock,
        bus: Bus,
    ) -> None:
        self._signalling = signalling
        self._media = media
        self._routes = routes
        self._settings = settings
        self._clock = clock
        self._bus = bus
        self.on_capability: NoteCapability = ignore_note
        """Hears which ways of media a device has."""
        self.want_key_frame: WantKeyFrame | None = None
        """Asks a device whose picture is late for a key frame."""
        self.casebook = CaseBook()
        """What the attempts have shown, for the stream doctor."""
        self._sessions: dict[str, LiveSession] = {}
        self._failures: dict[str, LiveStatus] = {}
        self._group: asyncio.TaskGroup | None = None
        self._woken_until = 0.0
        """When the last session that waits for its device's return is to try, monotonic."""
        self._others: list[Callable[[StreamEvent], None]] = []

    def pass_on(self, hear: Callable[[StreamEvent], None]) -> None:
        """Let somebody hear of the relay's other streams: its events have one consumer."""
        self._others.append(hear)

    async def run(self) -> None:
        """Serve until cancelled; then every invitation is ended and every port closed."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(supervise("live-media", self._hear_media))
                group.create_task(supervise("live-devices", self._hear_devices))
        finally:
            self._group = None

    # For people

    async def start(self, code: str) -> LiveStatus:
        """Begin to connect, or join, and answer at once; raises NotFound(channel)."""
        await self._routes.find(code)
        session = self._session(code)
        if session.stream is None:
            session.demand.hold()
        else:
            session.demand.touch()
        session.try_now()
        return session.status

    def status(self, code: str) -> LiveStatus:
        """The truth now; idle, or the last failure, for a channel that nobody wants."""
        session = self._sessions.get(code)
        if session is not None:
            return session.status
        return self._failures.get(code) or LiveStatus(code)

    def statuses(self) -> tuple[LiveStatus, ...]:
        """All channels that somebody wants."""
        return tuple(session.status for session in self._sessions.values())

    @asynccontextmanager
    async def watch(
        self, code: str, output_format: Format, viewer: str, stream: StreamChoice = "main"
    ) -> AsyncIterator[Watch]:
        """Look at a channel for the length of the block; raises NotFound(channel).

        The sub stream is another picture with its own invitation; only the main one is the
        channel's status. A device without a sub stream sends its main one again.
        """
        await self._routes.find(code)
        session = self._session(code, stream)
        watch = Watch(session, self._media, output_format, self._settings.viewer_queue)
        number = session.demand.enter(viewer)
        session.try_now()
        try:
            yield watch
        finally:
            session.demand.leave(number)

    async def stop(self, code: str) -> LiveStatus:
        """End a stream without linger, unless somebody looks."""
        session = self._sessions.get(code)
        if session is not None:
            session.demand.cut()
        return self.status(code)

    # For the signalling service

    def invitation_ended(self, invitation_id: str, reason: str) -> None:
        """An invitation is over; what we ended ourselves is known already."""
        if reason == "late":
            self._note_late(invitation_id)
            return
        for session in self._sessions.values():
            if session.invitation_id == invitation_id and reason != "local":
                session.hear(DeviceLoss.OFFLINE if reason == "offline" else DeviceLoss.ENDED)

    # Inside

    def _note_late(self, invitation_id: str) -> None:
        """A device agreed when we had given up: that explains a failure of before."""
        found = self.casebook.of_invitation(invitation_id)
        if found is None:
            return
        case, chart = found
        chart.is_late = True
        session, failed = self._sessions.get(case.key), self._failures.get(case.key)
        if session is not None and case.latest is chart and chart.failure is not None:
            session.board.judge(case.verdict)
        elif failed is not None:
            self._failures[case.key] = replace(failed, verdict=case.verdict)

    def _session(self, code: str, choice: StreamChoice = "main") -> LiveSession:
        key = session_key(code, choice)
        session = self._sessions.get(key)
        if session is not None:
            return session
        if self._group is None:
            raise NotReady(retry_after_s=1.0)
        session = LiveSession(
            code,
            choice=choice,
            signalling=self._signalling,
            media=self._media,
            routes=self._routes,
            settings=self._settings,
            board=Board(code, self._clock, lambda _: self._tell(key)),
            case=self.casebook.case(key),
            now=self._clock.wall,
            note=self.on_capability,
            want_key_frame=self.want_key_frame,
        )
        self._sessions[key] = session
        self._failures.pop(key, None)
        session.board.progress(LiveState.CONNECTING, LiveStep.LOOKUP)
        self._group.create_task(self._serve(session))
        return session

    async def _serve(self, session: LiveSession) -> None:
        try:
            await supervise(f"live {session.code}", session.run)
        finally:
            session.finish()
            del self._sessions[session.key]
            if session.choice == "main":
                self._remember(session.status)

    def _remember(self, status: LiveStatus) -> None:
        if status.state in (LiveState.FAILED, LiveState.STALLED):
            self._failures[status.code] = status
            while len(self._failures) > KEPT_FAILURES:
                del self._failures[next(iter(self._failures))]

    def _tell(self, key: str) -> None:
        status = self._sessions[key].status
        step = status.step.value if status.step else "-"
        logger.debug(
            "live state", extra={"channel": key, "state": status.state.value, "step": step}
        )
        if key == status.code:
            self._bus.publish(LiveStatusChanged(at=self._clock.wall(), status=status))

    async def _hear_media(self) -> None:
        async for event in self._media.events():
            if isinstance(event, SourceRejected):
                logger.warning(
                    "media from a stranger dropped",
                    extra={"stream": event.stream_id, "peer": event.peer, "count": event.count},
                )
                continue
            key = event.stream_id.partition("#")[0]
            session = self._sessions.get(key)
            if session is not None and session.stream_id == event.stream_id:
                session.hear(event)
            for hear in self._others if session is None else ():
                hear(event)

    async def _hear_devices(self) -> None:
        with self._bus.subscribe(DeviceStatusChanged, name="live", limit=DEVICE_NEWS) as events:
            async for event in events:
                assert isinstance(event, DeviceStatusChanged)
                for session in self._sessions.values():
                    if session.device_id == event.device_id and event.online:
                        self._wake(session)
                    elif session.device_id == event.device_id and not session.invitation_id:
                        session.hear(DeviceLoss.OFFLINE)

    def _wake(self, session: LiveSession) -> None:
        """Let a session try again, one after the other: two hundred may have come back at once."""
        loop = asyncio.get_running_loop()
        self._woken_until = max(self._woken_until + WAKE_PAUSE_S, loop.time())
        loop.call_at(self._woken_until, session.try_now)
