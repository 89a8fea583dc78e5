"""One pretend box on the network: `sip.simulator` signals, `stream_relay.simulator` sends."""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sip.gb28181.mansrtsp import Method, PlaybackCommand
from sip.message.sdp import History
from sip.simulator.device import SimulatedDevice
from sip.simulator.profile import (
    CommandReceived,
    DeviceProfile,
    Faults,
    MediaRequested,
    MediaStarted,
    MediaStopped,
    PlaybackControlled,
    RegistrationChanged,
    RegistrationState,
    SimulatorEvent,
    SnapshotsRequested,
    UpgradeRequested,
    VoiceGranted,
    VoiceOver,
    VoiceWanted,
)
from sip.transport.driver import Driver
from sip.transport.tcp import TcpTransport
from sip.transport.udp import UdpTransport
from stream_relay.errors import RelayError
from stream_relay.replay import RecordedScene, ReplaySender, Stretch
from stream_relay.scene import SceneSource
from stream_relay.scenery.view import View
from stream_relay.simulator import MediaFaults, MediaSender, MediaSource, MediaTarget, RtpSender
from vms.ids import random_below, random_bytes
from vms.simulation.errands import Errands
from vms.simulation.loudspeakers import Loudspeakers

logger = logging.getLogger(__name__)

FAREWELL_S = 3.0
"""How long BYE and unregistering may take when the box is told to stop."""
NOT_FOUND, BUSY = 404, 486


@dataclass(frozen=True, slots=True)
class BoxFaults:
    """Everything that a box does wrong."""

    signalling: Faults = field(default_factory=Faults)
    media: MediaFaults = field(default_factory=MediaFaults)
    die_after_s: float | None = None
    """The whole box vanishes at this second, without BYE and without unregistering."""


@dataclass(slots=True, eq=False)
class _Call:
    """One invitation: its task waits for the ACK, then sends."""

    request: MediaRequested
    sender: RtpSender
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class SimulatedBox:
    """Runs one box until it is cancelled; then it hangs up, unregisters and closes its sockets."""

    def __init__(
        self,
        profile: DeviceProfile,
        source: Callable[[str], MediaSource | None],
        faults: BoxFaults | None = None,
        *,
        wall: Callable[[], datetime] | None = None,
        archive: Callable[[str, datetime], RecordedScene | None] | None = None,
        voice_folder: Path | None = None,
    ) -> None:
        """`source` gives the pictures of a channel, None for one that has none; `archive` those
        of a channel from a moment on.

        What the box hears is kept as WAV files in `voice_folder`.
        """
        self.faults = faults or BoxFaults()
        self.device = SimulatedDevice(profile, random_bytes, self.faults.signalling, wall)
        self.registered = asyncio.Event()
        """Set once the platform has let the box in."""
        self.sending = 0
        """Streams that are being sent now."""
        self.quiet = asyncio.Event()
        """Set while nothing is sent."""
        self.quiet.set()
        self._source = source
        self._archive = archive
        self._loudspeakers = Loudspeakers(self.device, voice_folder, self._now)
        self._driver = Driver(self.device, self._take_events)
        self._calls: dict[str, _Call] = {}
        self._group: asyncio.TaskGroup | None = None
        self._is_idle = asyncio.Event()
        self._errands = Errands(self.device, source, self._driver.flush)

    def _join_head(self, code: str) -> None:
        """Let the drawn picture of a camera follow its head."""
        head, source = self.device.head(code), self._source(code)
        if head is None or not isinstance(source, SceneSource):
            return
        loop = asyncio.get_running_loop()

        def look() -> View:
            aim = head.aim(loop.time())
            return View((aim.pan + 180.0) % 360.0 - 180.0, aim.tilt, aim.zoom)

        source.look = look

    async def run(self) -> None:
        """Register and serve."""
        for channel in self.device.profile.channels:
            self._join_head(channel.code)
        profile = self.device.profile
        async with AsyncExitStack() as stack:
            if profile.server.transport == "udp":
                udp = UdpTransport(self._driver, profile.local_host, profile.local_port)
                await stack.enter_async_context(udp)
            else:
                await stack.enter_async_context(
                    TcpTransport(self._driver, profile.local_host, None)
                )
            stack.callback(self._driver.close)
            async with asyncio.TaskGroup() as self._group:
                self.device.start(self._now())
                self._driver.flush()
                try:
                    await self._live()
                except asyncio.CancelledError:
                    await self._say_farewell()
                    raise
                finally:
                    self._drop_calls()

    def flush(self) -> None:
        """Send what the device has to say after it was told to do something."""
        self._driver.flush()

    async def _live(self) -> None:
        """Wait for the end: a cancellation, or the fault `die`."""
        if self.faults.die_after_s is None:
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(self.faults.die_after_s)
            logger.warning("pretend box dies", extra={"device": self.device.profile.device_id})

    async def _say_farewell(self) -> None:
        self._is_idle.clear()
        self.device.stop(self._now())
        self._driver.flush()
        if self.device.state is RegistrationState.IDLE:
            return
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._is_idle.wait()
        except TimeoutError:
            logger.info("platform did not answer", extra={"device": self.device.profile.device_id})

    def _drop_calls(self) -> None:
        for call in self._calls.values():
            if call.task is not None:
                call.task.cancel()
        self._calls.clear()
        self._loudspeakers.close()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    # --- what the device tells -------------------------------------------------------------------

    def _take_events(self) -> None:
        while (event := self.device.next_event()) is not None:
            self._take(event)

    def _take(self, event: SimulatorEvent) -> None:
        match event:
            case RegistrationChanged():
                self._take_registration(event)
            case MediaRequested():
                self._begin_call(event)
            case MediaStarted(call_id=call_id) if call_id in self._calls:
                self._calls[call_id].acknowledged.set()
            case PlaybackControlled(call_id=call_id, command=command) if call_id in self._calls:
                _control(self._calls[call_id].sender, command)
            case MediaStopped(call_id=call_id) if call_id in self._calls:
                task = self._calls.pop(call_id).task
                if task is not None:
                    task.cancel()
            case VoiceWanted() | VoiceGranted() | VoiceOver():
                self._take_voice(event)
            case _:
                self._obey(event)

    def _obey(self, event: SimulatorEvent) -> None:
        """What takes a shell to do: HTTP, the encoder, switching off and on."""
        match event:
            case SnapshotsRequested() if self._group is not None:
                self._group.create_task(self._errands.take_snapshots(event))
            case UpgradeRequested() if self._group is not None:
                self._group.create_task(self._errands.upgrade(event))
            case CommandReceived(command="TeleBoot"):
                self.device.restart(self._now())
            case CommandReceived(device_id=code, command="IFameCmd" | "IFrameCmd"):
                source = self._source(code)
                if isinstance(source, SceneSource):
                    source.request_key_frame()
            case _:
                pass

    def _take_voice(self, event: VoiceWanted | VoiceGranted | VoiceOver) -> None:
        match event:
            case VoiceWanted():
                self._loudspeakers.want(event)
                self._driver.flush()
            case VoiceGranted() if self._group is not None:
                self._loudspeakers.grant(event, self._group)
            case VoiceOver():
                self._loudspeakers.over(event)

    def _take_registration(self, event: RegistrationChanged) -> None:
        facts = {"device": self.device.profile.device_id, "event": event.state.value}
        if event.state is RegistrationState.REGISTERED and not self.registered.is_set():
            self.registered.set()
            logger.info("pretend box registered", extra=facts)
        elif event.state is RegistrationState.WAITING:
            self.registered.clear()
            logger.info("pretend box is not let in yet", extra=facts | {"reason": event.status})
        elif event.state is RegistrationState.IDLE:
            self._is_idle.set()

    def _begin_call(self, request: MediaRequested) -> None:
        sender = self._sender(request)
        if sender is None or self._group is None:
            self.device.reject_media(request.call_id, NOT_FOUND, self._now())
            return
        call = _Call(request, sender)
        self._calls[request.call_id] = call
        call.task = self._group.create_task(self._serve(call))

    def _sender(self, request: MediaRequested) -> RtpSender | None:
        """What sends the live picture, or the recording; None where there is none."""
        target = MediaTarget(request.host, request.port, request.transport, request.ssrc or 0)
        chance, faults = random.Random(random_below(1 << 32)), self.faults.media
        if request.history is None:
            source = self._source(request.channel_id)
            if source is None:
                return None
            return MediaSender(source, target, chance=chance, faults=faults)
        history = request.history
        start = datetime.fromtimestamp(history.start, UTC)
        recording = self._archive(request.channel_id, start) if self._archive is not None else None
        if recording is None:
            return None
        return ReplaySender(
            recording,
            self._stretches(request.channel_id, history),
            target,
            chance=chance,
            faults=faults,
            scale=float(history.download_speed or 1),
            is_download=history.kind == "Download",
        )

    def _stretches(self, channel: str, history: History) -> list[Stretch]:
        """What is recorded of the asked-for window."""
        table = self.device.profile.recordings
        start, stop = (datetime.fromtimestamp(at, UTC) for at in (history.start, history.stop))
        clips = table.clips(channel, start, stop) if table is not None else []
        return [
            Stretch(
                (max(clip.start, start) - start).total_seconds(),
                (min(clip.end, stop) - start).total_seconds(),
            )
            for clip in clips
        ]

    # --- one stream ------------------------------------------------------------------------------

    async def _serve(self, call: _Call) -> None:
        request, sender = call.request, call.sender
        facts = {"channel": request.channel_id, "ssrc": request.ssrc}
        try:
            async with sender:
                self.device.accept_media(
                    request.call_id, self.device.profile.local_host, sender.port, self._now()
                )
                self._driver.flush()
                await call.acknowledged.wait()
                logger.info("pretend camera sends", extra=facts)
                self.sending += 1
                self.quiet.clear()
                try:
                    await sender.run()
                finally:
                    self.sending -= 1
                    if self.sending == 0:
                        self.quiet.set()
                if request.history is not None:
                    await self._end_file(call)
        except RelayError as error:
            logger.warning("pretend camera stopped", extra=facts | {"reason": str(error)})
            self._hang_up(call)

    async def _end_file(self, call: _Call) -> None:
        """Say that the file was sent, and wait for the platform's BYE, which cancels this."""
        self.device.end_file(call.request.call_id, self._now())
        self._driver.flush()
        await asyncio.Event().wait()

    def _hang_up(self, call: _Call) -> None:
        if self._calls.pop(call.request.call_id, None) is None:
            return
        if call.acknowledged.is_set():
            self.device.end_media(call.request.call_id, self._now())
        else:
            self.device.reject_media(call.request.call_id, BUSY, self._now())
        self._driver.flush()


def _control(sender: RtpSender, command: PlaybackCommand) -> None:
    """Let a running playback go on as it is told."""
    if not isinstance(sender, ReplaySender):
        return
    if command.method is Method.PAUSE:
        sender.pause()
    elif command.method is Method.TEARDOWN:
        sender.stop()
    else:
        sender.play(command.scale, command.range.start_s if command.range is not None else None)
