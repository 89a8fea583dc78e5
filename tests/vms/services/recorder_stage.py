"""A device with recordings, played by the test, under the services that search and play them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sip.gb28181.manscdp import parse_envelope
from sip.gb28181.mansrtsp import PlaybackCommand, PlaybackReply
from sip.gb28181.question import Question
from sip.gb28181.record_info import RecordItem, build_record_info
from sip.message.sdp import MediaAnswer, MediaOffer
from sip.server import Invitation
from stream_relay.access_unit import Kind
from stream_relay.events import FirstKeyFrame, FirstPacket
from stream_relay.relay import Relay, RelayConfig
from tests.stream_relay.media import pictures
from tests.vms.bench import CHANNEL, HandClock, eventually
from tests.vms.services.live.planes import FakeMedia, FakeRoutes, FakeSignalling
from vms.config_sections import MediaSection, PlaybackSection
from vms.records import Playback, PlaybackState
from vms.services.downloads import DownloadService
from vms.services.playback import PlaybackService

NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
MEDIA = MediaSection(
    linger_s=60, first_packet_timeout_s=30, invite_timeout_s=30, stall_timeout_s=60
)


@dataclass
class FakeRecorder(FakeSignalling):
    """Signalling of a device that has recordings."""

    commands: list[PlaybackCommand] = field(default_factory=list)
    refusal: Exception | None = None
    """Raised for the next commands while it is set."""
    granted: float | None = None
    size_bytes: int | None = None
    packets: list[list[RecordItem]] = field(default_factory=list)
    questions: list[Question[Any]] = field(default_factory=list)
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: the rest of a search's answer comes at once."""
    silence: Exception | None = None

    def new_ssrc(self, *, is_history: bool = False) -> int:
        assert is_history
        return 1_200_000_000 + len(self.offers)

    async def invite(self, device_id: str, channel_id: str, offer: MediaOffer) -> Invitation:
        answered = await super().invite(device_id, channel_id, offer)
        remote = MediaAnswer(
            "127.0.0.1", 7000, offer.transport, offer.ssrc, size_bytes=self.size_bytes
        )
        return Invitation(answered.id, answered.call_id, device_id, channel_id, offer.ssrc, remote)

    async def control_playback(self, invitation_id: str, command: PlaybackCommand) -> PlaybackReply:
        self.commands.append(command)
        if self.refusal is not None:
            raise self.refusal
        return PlaybackReply(scale=self.granted)

    async def ask(
        self, device_id: str, question: Question[Any], timeout_s: float | None = None
    ) -> Any:
        self.questions.append(question)
        if self.silence is not None:
            raise self.silence
        assert question.collect is not None
        collection, total = question.collect(), sum(map(len, self.packets))
        for number, items in enumerate(self.packets):
            if number == 1:
                await self.answering.wait()
            body = build_record_info(CHANNEL, 1, "camera", items, total)
            collection.add(parse_envelope(body))
        if not self.packets:
            collection.add(parse_envelope(build_record_info(CHANNEL, 1, "camera", [], 0)))
        return collection.result()


@dataclass
class RecorderStage:
    """Everything a test of playbacks touches."""

    service: PlaybackService
    downloads: DownloadService
    device: FakeRecorder
    media: FakeMedia
    clock: HandClock

    async def create(self, **kinds: Any) -> Playback:
        return await self.service.create(CHANNEL, NOON, NOON + HOUR, **kinds)

    async def until_playing(self, playback: Playback) -> Playback:
        """The device answers and sends."""
        session = self.service._sessions[playback.id]
        await eventually(lambda: bool(session.invitation_id))
        self.bring_picture(session.stream_id)
        await eventually(lambda: self.state(playback) is PlaybackState.PLAYING)
        return self.service.get(playback.id)

    def bring_picture(self, stream_id: str, count: int = 20) -> None:
        stream = self.media.open[stream_id].stream
        self.service.hear_media(FirstPacket(stream_id, ("127.0.0.1", 7000), 1))
        stream.publish(pictures(count), [Kind.VIDEO], 0.0)
        self.service.hear_media(FirstKeyFrame(stream_id, 0.1))

    def state(self, playback: Playback) -> PlaybackState:
        return self.service.get(playback.id).state

    async def until_over(self, playback: Playback) -> Playback:
        await eventually(lambda: self.state(playback).is_over)
        return self.service.get(playback.id)


@asynccontextmanager
async def open_recorder_stage(
    clock: HandClock,
    data: Path,
    *,
    media_settings: MediaSection = MEDIA,
    settings: PlaybackSection | None = None,
) -> AsyncIterator[RecorderStage]:
    """Run the services for the length of the block; at its end nothing may be left open."""
    async with Relay(RelayConfig(host="127.0.0.1", ports=range(0)), clock.wall) as relay:
        media, device = FakeMedia(relay), FakeRecorder()
        settings = settings or PlaybackSection()
        service = PlaybackService(device, media, FakeRoutes(), settings, media_settings, clock)
        downloads = DownloadService(service, data, settings, clock, reserve_bytes=0)
        await downloads.begin()
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(service.run()), group.create_task(downloads.run())]
            await asyncio.sleep(0)
            yield RecorderStage(service, downloads, device, media, clock)
            running[1].cancel()
            await asyncio.wait(running[1:])
            running[0].cancel()
        assert media.open == {}, "a port stayed open"
        assert len(device.ended) == len(set(device.ended)), "BYE sent twice"
