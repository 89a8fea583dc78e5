"""An open microphone: what somebody says into a talk or a live broadcast."""

from stream_relay.voice.decode import MicrophoneDecoder
from stream_relay.voice.sources import Live
from vms.records.voice import VoiceState, VoiceView
from vms.services.voice.programme import Programme


class Microphone:
    """An open microphone of one talk or live broadcast."""

    def __init__(self, programme: Programme, live: Live, decoder: MicrophoneDecoder) -> None:
        self._programme = programme
        self._live = live
        self._decoder = decoder

    @property
    def view(self) -> VoiceView:
        """What became of it so far."""
        return self._programme.view

    @property
    def is_over(self) -> bool:
        """Whether nobody will hear any more."""
        return self._programme.over.is_set()

    def push(self, data: bytes) -> None:
        """Take one message of sound; before somebody hears it is thrown away, so none is late."""
        samples = self._decoder.decode(data)
        if self._programme.state is VoiceState.SPEAKING:
            self._live.push(samples)

    async def until_over(self) -> None:
        """Wait for the end of the talk."""
        await self._programme.over.wait()
