"""One sound and its hearers: paced by the clock, guarded and encoded once for all of them."""

import asyncio
from collections.abc import Iterator

import numpy as np

from stream_relay.formats import g711
from stream_relay.voice.level import Guard, Meter, Samples
from stream_relay.voice.sender import VoiceSender
from stream_relay.voice.sources import TURN_S, VoiceSource

MAX_LATENESS_S = 0.5
"""A turn that comes later starts a new schedule: nobody wants half a second in one burst."""
_A_LAW = np.frombuffer(g711.A_LAW, np.uint8)


def encode(samples: Samples) -> bytes:
    """16-bit samples to G.711A."""
    return bytes(_A_LAW[(samples.astype(np.int32) + 32768) >> 3])


class Studio:
    """Plays one source to all who hear at the moment."""

    def __init__(self, source: VoiceSource) -> None:
        self.meter = Meter()
        self.played_s = 0.0
        self._source = source
        self._guard = Guard()
        self._hearers: dict[VoiceSender, None] = {}

    def __iter__(self) -> Iterator[VoiceSender]:
        return iter(self._hearers)

    def admit(self, sender: VoiceSender) -> None:
        """Let somebody hear from the next turn on."""
        self._hearers[sender] = None

    def dismiss(self, sender: VoiceSender) -> None:
        """Let somebody hear no more; one that is not there is fine."""
        self._hearers.pop(sender, None)

    async def run(self) -> None:
        """Play to the end of the source."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self.turn():
            due += TURN_S
            wait_s = due - loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            else:
                await asyncio.sleep(0)
                if wait_s < -MAX_LATENESS_S:
                    due -= wait_s
        for sender in self._hearers:
            sender.finish()

    def turn(self) -> bool:
        """Play 20 ms; False when the source has ended."""
        samples = self._source.take()
        if samples is None:
            return False
        self.meter.hear(samples)
        sound = encode(self._guard.pass_on(samples))
        for sender in self._hearers:
            sender.push(sound)
        self.played_s += TURN_S
        return True
