"""One channel at work: a thread that decodes it once and gives its frames to all its scenes."""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from analytics.decoder import ChannelDecoder
from analytics.errors import DecodeError
from analytics.messages import ChannelWatched
from analytics.sampling import KeyFramePlan
from analytics.scene_runner import Emit, SceneRunner
from stream_relay.errors import RelayError
from stream_relay.frames import FrameSubscription, FrameUnit, Tracks

logger = logging.getLogger(__name__)

RETRY_FIRST_S = 1.0
RETRY_LONGEST_S = 60.0
TICKS_PER_SECOND = 90_000
REPORT_TICKS = 10 * TICKS_PER_SECOND


class ChannelWatch(threading.Thread):
    """Subscribes to a channel until told to stop; asks again, ever slower, while there is none."""

    def __init__(
        self, channel: str, scenes: Sequence[SceneRunner], frames_socket: Path, emit: Emit
    ) -> None:
        super().__init__(name=f"watch-{channel}")
        self._channel = channel
        self._scenes = scenes
        self._frames_socket = frames_socket
        self._emit = emit
        self._is_stopping = threading.Event()
        self._subscription: FrameSubscription | None = None
        self._decoder: ChannelDecoder | None = None
        self._plan = KeyFramePlan(max(runner.scene.sample_fps for runner in scenes))
        self._decoded = 0
        self._dropped = 0
        self._next_report_ticks = 0

    def run(self) -> None:
        """Watch until `stop`."""
        for runner in self._scenes:
            runner.open()
        wait_s = RETRY_FIRST_S
        while not self._is_stopping.is_set():
            decoded_before = self._decoded
            try:
                self._watch_once()
            except (RelayError, DecodeError, OSError) as error:
                logger.info(
                    "channel gives no pictures",
                    extra={"channel": self._channel, "reason": str(error)},
                )
            wait_s = RETRY_FIRST_S if self._decoded > decoded_before else wait_s * 2
            self._is_stopping.wait(min(wait_s, RETRY_LONGEST_S))
        for runner in self._scenes:
            runner.close()

    def stop(self) -> None:
        """End the watch soon; join the thread to know when."""
        self._is_stopping.set()
        if self._subscription is not None:
            self._subscription.close()

    def _watch_once(self) -> None:
        self._decoder = None
        subscription = FrameSubscription(self._frames_socket, self._channel, keys_only=False)
        self._subscription = subscription
        with subscription:
            if self._is_stopping.is_set():
                return
            for message in subscription:
                if isinstance(message, Tracks):
                    self._open_decoder(message)
                else:
                    self._take(message)

    def _open_decoder(self, message: Tracks) -> None:
        for track in message.tracks:
            self._decoder = ChannelDecoder(self._channel, track.codec, track.parameter_sets)

    def _take(self, message: FrameUnit) -> None:
        unit = message.unit
        self._dropped = message.dropped
        if unit.is_key:
            self._plan.see_key(unit.pts_ticks)
        elif self._plan.is_keys_only:
            return
        if self._decoder is None:
            return
        for frame in self._decoder.decode(unit.data, unit.pts_ticks, message.wall, unit.is_key):
            self._decoded += 1
            for runner in self._scenes:
                runner.take(frame)
        self._report(unit.pts_ticks)

    def _report(self, pts_ticks: int) -> None:
        """Say every few seconds of stream time how it goes."""
        if 0 <= self._next_report_ticks - pts_ticks <= REPORT_TICKS:
            return
        self._next_report_ticks = pts_ticks + REPORT_TICKS
        self._emit(
            ChannelWatched(
                channel=self._channel,
                decoded=self._decoded,
                sampled=sum(runner.sampled for runner in self._scenes),
                dropped=self._dropped,
                is_keys_only=self._plan.is_keys_only,
            )
        )
