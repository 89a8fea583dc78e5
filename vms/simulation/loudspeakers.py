"""What the pretend devices of one box hear: a port per call, a WAV file where one is wanted."""

import asyncio
import logging
from collections.abc import Callable
from itertools import count
from pathlib import Path

from sip.simulator.device import SimulatedDevice
from sip.simulator.profile import VoiceGranted, VoiceOver, VoiceWanted
from stream_relay.errors import SourceLost
from stream_relay.voice.ear import VoiceEar

logger = logging.getLogger(__name__)


class Loudspeakers:
    """The sound outputs of one box; whoever owns it runs `listen` as a task per call."""

    def __init__(
        self, device: SimulatedDevice, folder: Path | None, now: Callable[[], float]
    ) -> None:
        self._device = device
        self._folder = folder
        self._now = now
        self._ears: dict[str, VoiceEar] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._numbers = count(1)

    def want(self, event: VoiceWanted) -> None:
        """Open a port and call the platform."""
        host = self._device.profile.local_host
        ear = VoiceEar(event.transport, host)
        try:
            ear.open()
        except SourceLost as error:
            logger.warning("pretend loudspeaker is deaf", extra={"reason": str(error)})
            self._device.end_voice(event.call_id, self._now())
            return
        self._ears[event.call_id] = ear
        self._device.call_for_voice(event.call_id, host, ear.port, self._now())

    def grant(self, event: VoiceGranted, group: asyncio.TaskGroup) -> None:
        """The platform answered: hear."""
        ear = self._ears.get(event.call_id)
        if ear is not None:
            self._tasks[event.call_id] = group.create_task(self._listen(ear, event))

    def over(self, event: VoiceOver) -> None:
        """The call is over: keep what was heard."""
        task = self._tasks.pop(event.call_id, None)
        if task is not None:
            task.cancel()
        ear = self._ears.pop(event.call_id, None)
        if ear is None:
            return
        ear.close()
        facts = {"channel": event.target_id, "count": ear.packets, "reason": event.reason}
        logger.info("pretend loudspeaker heard", extra=facts)
        if self._folder is not None and ear.packets:
            self._folder.mkdir(parents=True, exist_ok=True)
            ear.save(self._folder / f"{event.target_id}-{next(self._numbers):04d}.wav")

    def close(self) -> None:
        """Drop everything that is open."""
        for task in self._tasks.values():
            task.cancel()
        for ear in self._ears.values():
            ear.close()
        self._tasks.clear()
        self._ears.clear()

    async def _listen(self, ear: VoiceEar, event: VoiceGranted) -> None:
        try:
            await ear.listen(event.host, event.port)
        except (SourceLost, OSError) as error:
            logger.warning("pretend loudspeaker lost the voice", extra={"reason": str(error)})
