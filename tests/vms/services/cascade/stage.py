"""The cascade service between planes that the test plays: upper platforms above, a device below."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from channel_registry.queries.channels import get_channel
from channel_registry.records import ChannelRecord
from channel_registry.upper_records import UpperPlatform
from sip.errors import SipError
from sip.events import CatalogItem
from sip.gb28181.manscdp import Envelope, parse_envelope
from sip.gb28181.mansrtsp import PlaybackCommand, PlaybackReply
from sip.gb28181.question import Question
from sip.gb28181.subscription import Topic
from sip.message.sdp import History, MediaTransport
from sip.roles.upward.terms import (
    Uplink,
    UplinkEvent,
    UplinkState,
    UplinkStatus,
    UpperAcked,
    UpperAsked,
    UpperCallEnded,
    UpperControlled,
    UpperInvited,
    UpperSubscribed,
)
from stream_relay.access_unit import Kind
from stream_relay.events import FirstKeyFrame, FirstPacket
from stream_relay.forwarder import ForwarderStatistics
from stream_relay.relay import Relay, RelayConfig
from stream_relay.stream import Stream
from tests.stream_relay.media import pictures
from tests.vms.bench import CHANNEL, T0, HandClock, binding, eventually
from tests.vms.services.live.planes import FakeMedia, FakeRoutes
from tests.vms.services.recorder_stage import FakeRecorder
from vms.bus import Bus
from vms.config_sections import MediaSection, PlaybackSection
from vms.errors import NotFound
from vms.services.cascade.calls import CallDesk
from vms.services.cascade.controls import ControlDesk
from vms.services.cascade.lanes import Lanes
from vms.services.cascade.notices import NoticeDesk
from vms.services.cascade.queries import OwnFacts, QueryDesk
from vms.services.cascade.scorecard import ScoreBook
from vms.services.cascade.service import CascadeService
from vms.services.cascade.share import EMPTY_TREE, SharedTree
from vms.services.device_desk import DeviceDesk
from vms.services.device_recordings import DeviceRecordingService
from vms.services.live import LiveService
from vms.services.playback import PlaybackService
from vms.services.presence import device_came
from vms.services.ptz import PtzService
from vms.services.store import Store
from vms.storage.records import SpanCause

UPPER, OTHER_UPPER = "14000000002000000001", "14000000002000000002"
OWN = "14040000002000000001"
THEIRS = "14000000001320000077"
"""The upper's code of CHANNEL."""
MEDIA = MediaSection(
    linger_s=0.05, first_packet_timeout_s=60, invite_timeout_s=60, stall_timeout_s=60
)


def platform(platform_id: str = UPPER, **changes: Any) -> UpperPlatform:
    made = UpperPlatform(
        id=platform_id,
        name="省平台",
        domain=platform_id[:10],
        host="127.0.0.1",
        own_id=OWN,
        created_at=T0,
        updated_at=T0,
    )
    return replace(made, **changes)


def tree_of(*channels: ChannelRecord, codes: dict[str, str] | None = None) -> SharedTree:
    """A flat tree: our own system, then the channels."""
    codes = codes or {}
    items = [CatalogItem(OWN, "县平台", register_way=1)]
    shown: dict[str, ChannelRecord] = {}
    for channel in channels:
        code = codes.get(channel.code, channel.code)
        shown[code] = channel
        items.append(
            CatalogItem(
                code,
                channel.name,
                register_way=1,
                parent_ids=(OWN,),
                status_on=channel.online,
            )
        )
    ours = {channel.code: code for code, channel in shown.items()}
    sources = {code: channel.code for code, channel in shown.items()}
    return SharedTree(own_id=OWN, items=tuple(items), sources=sources, codes=ours, channels=shown)


@dataclass
class FakePlatforms:
    known: dict[str, UpperPlatform] = field(default_factory=dict)
    trees: dict[str, SharedTree] = field(default_factory=dict)

    async def uplinks(self) -> Sequence[Uplink]:
        return [
            Uplink(
                platform_id=each.id,
                domain=each.domain,
                host=each.host,
                port=each.port,
                transport=each.transport,
                own_id=each.own_id,
            )
            for each in self.known.values()
            if each.is_enabled
        ]

    def platform(self, platform_id: str) -> UpperPlatform:
        if platform_id not in self.known:
            raise NotFound("platform", platform_id)
        return self.known[platform_id]

    def tree(self, platform_id: str) -> SharedTree:
        return self.trees.get(platform_id, EMPTY_TREE)


@dataclass
class FakeUplinks:
    """Signalling upward, played by the test."""

    set_now: dict[str, Uplink] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    sent: dict[str, list[bytes]] = field(default_factory=dict)
    notified: list[tuple[str, Topic, bytes]] = field(default_factory=list)
    subscribed: set[tuple[str, Topic]] = field(default_factory=set)
    accepted: dict[str, tuple[str, int, int, int]] = field(default_factory=dict)
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    replies: list[tuple[str, str, PlaybackReply]] = field(default_factory=list)
    failures: dict[str, SipError] = field(default_factory=dict)
    gate: dict[str, asyncio.Event] = field(default_factory=dict)
    """Messages to these platforms wait."""
    states: dict[str, UplinkState] = field(default_factory=dict)
    refusal: SipError | None = None
    room: int = 1_000_000
    """Notifications that may still wait."""
    sn: int = 0

    def __post_init__(self) -> None:
        self._events: asyncio.Queue[UplinkEvent] = asyncio.Queue()

    def say(self, event: UplinkEvent) -> None:
        self._events.put_nowait(event)

    def set(self, uplink: Uplink) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.set_now[uplink.platform_id] = uplink

    def try_now(self, platform_id: str) -> None:
        self.tried.append(platform_id)

    def remove(self, platform_id: str) -> None:
        self.set_now.pop(platform_id, None)
        self.removed.append(platform_id)

    def statuses(self) -> tuple[UplinkStatus, ...]:
        return tuple(self.status(each) for each in self.set_now)

    def status(self, platform_id: str) -> UplinkStatus | None:
        if platform_id not in self.set_now:
            return None
        state = self.states.get(platform_id, UplinkState.REGISTERED)
        topics = tuple(topic for owner, topic in self.subscribed if owner == platform_id)
        return UplinkStatus(platform_id, state, T0, subscriptions=topics)

    async def events(self) -> AsyncIterator[UplinkEvent]:
        while True:
            yield await self._events.get()

    def next_sn(self, platform_id: str) -> int:
        self.sn += 1
        return self.sn

    async def send(self, platform_id: str, body: bytes, *, routes: Sequence[str] = ()) -> None:
        if platform_id in self.gate:
            await self.gate[platform_id].wait()
        if platform_id in self.failures:
            raise self.failures[platform_id]
        self.sent.setdefault(platform_id, []).append(body)

    def notify(self, platform_id: str, topic: Topic, body: bytes) -> bool:
        if (platform_id, topic) not in self.subscribed or not self.room:
            return False
        self.room -= 1
        self.notified.append((platform_id, topic, body))
        return True

    def accept(self, call_id: str, host: str, port: int, ssrc: int, *, size_bytes: int = 0) -> None:
        self.accepted[call_id] = (host, port, ssrc, size_bytes)

    def refuse(self, call_id: str, status: int, reason: str = "") -> None:
        self.refused[call_id] = (status, reason)

    def end_call(self, call_id: str) -> None:
        self.ended.append(call_id)

    def file_ended(self, call_id: str) -> None:
        self.files.append(call_id)

    def reply_control(self, call_id: str, control_id: str, reply: PlaybackReply) -> None:
        self.replies.append((call_id, control_id, reply))


class FakeForwarder:
    """A target that takes everything, as far as it was started."""

    def __init__(self, facts: dict[str, Any], port: int, stream: Stream) -> None:
        self.facts = facts
        self.host = ""
        self.port = port
        self.is_started = False
        self.is_closed = asyncio.Event()
        stream.follow(self.close)

    @property
    def is_connected(self) -> bool:
        return self.is_started

    @property
    def statistics(self) -> ForwarderStatistics:
        return ForwarderStatistics(10, 1000) if self.is_started else ForwarderStatistics()

    async def start(self) -> None:
        self.is_started = True

    def close(self) -> None:
        self.is_closed.set()

    async def wait_closed(self) -> None:
        await self.is_closed.wait()


class FakeRelay(FakeMedia):
    """Media that can be sent on."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(relay)
        self.forwards: list[FakeForwarder] = []
        self.fault: Exception | None = None

    async def forward(
        self,
        stream: Stream,
        transport: str,
        *,
        ssrc: int,
        host: str,
        port: int,
        content: str = "source",
        is_held: bool = False,
    ) -> FakeForwarder:
        if self.fault is not None:
            raise self.fault
        assert is_held, "nothing may be sent before the ACK"
        facts = dict(
            stream=stream.id, transport=transport, ssrc=ssrc, host=host, port=port, content=content
        )
        made = FakeForwarder(facts, 9 if transport == "tcp-active" else 30500, stream)
        self.forwards.append(made)
        return made

    @property
    def sending(self) -> list[FakeForwarder]:
        return [each for each in self.forwards if not each.is_closed.is_set()]


@dataclass
class FakeDevice(FakeRecorder):
    """A device that takes everything it is asked, and answers what the test says."""

    asked: list[tuple[str, Question[Any]]] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    """Bodies of the next answer; without any it says OK."""

    def new_ssrc(self, *, is_history: bool = False) -> int:
        return (1_200_000_000 if is_history else 200_000_000) + len(self.offers)

    async def ask(
        self, device_id: str, question: Question[Any], timeout_s: float | None = None
    ) -> Any:
        self.asked.append((device_id, question))
        if question.command == "RecordInfo":
            return await super().ask(device_id, question, timeout_s)
        if self.silence is not None:
            raise self.silence
        if question.collect is None:
            return None
        collection = question.collect()
        answers = self.answers or [
            question.build(device_id, 1, "GB2312").replace(b"Query", b"Response")
        ]
        for body in answers:
            collection.add(parse_envelope(body))
        return collection.result()

    def control_of(self, number: int = -1) -> Envelope:
        """What was sent down, as the device reads it."""
        device_id, question = self.asked[number]
        return parse_envelope(question.build(device_id, 1, "GB2312"))


@dataclass
class Stage:
    """Everything a test of the cascade touches."""

    service: CascadeService
    uplinks: FakeUplinks
    platforms: FakePlatforms
    relay: FakeRelay
    device: FakeDevice
    live: LiveService
    playback: PlaybackService
    calls: CallDesk
    score: ScoreBook
    store: Store
    bus: Bus
    clock: HandClock
    log: list[tuple[str, str, str, str]]
    """The audit log."""
    end: Callable[[], object]

    async def channel(self, code: str = CHANNEL) -> ChannelRecord:
        return await self.store.run(get_channel, code)

    async def make_old(self) -> None:
        """The device registers with the edition of 2016."""
        old = replace(binding(), gb_version="2.0")
        await self.store.run(device_came, old, T0, SpanCause.REGISTERED)

    # What upper platforms do

    def ask(self, body: str, upper: str = UPPER) -> None:
        """A MESSAGE whose XML has no prolog."""
        envelope = parse_envelope(f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode())
        self.uplinks.say(UpperAsked(upper, envelope))

    def query(self, command: str, target: str, inside: str = "", sn: int = 71) -> None:
        self.ask(_xml("Query", command, target, inside, sn))

    def control(
        self, inside: str, target: str = THEIRS, command: str = "DeviceControl", sn: int = 81
    ) -> None:
        self.ask(_xml("Control", command, target, inside, sn))

    def subscribe(
        self, topic: Topic, target: str = OWN, inside: str = "", *, is_renewal: bool = False
    ) -> None:
        envelope = parse_envelope(_xml("Query", topic.value, target, inside, 91).encode())
        self.uplinks.subscribed.add((UPPER, topic))
        self.uplinks.say(UpperSubscribed(UPPER, topic, envelope, is_renewal))

    def invite(
        self,
        call_id: str = "call-1",
        channel: str = THEIRS,
        *,
        upper: str = UPPER,
        kind: Any = "live",
        transport: MediaTransport = "udp",
        ssrc: int | None = 100_000_001,
        history: History | None = None,
        has_offer: bool = True,
    ) -> None:
        self.uplinks.say(
            UpperInvited(
                platform_id=upper,
                call_id=call_id,
                channel_id=channel,
                kind=kind,
                host="127.0.0.1" if has_offer else "",
                port=40000 if has_offer else 0,
                transport=transport,
                ssrc=ssrc,
                history=history,
                has_offer=has_offer,
            )
        )

    def acknowledge(self, call_id: str = "call-1", upper: str = UPPER, **changes: Any) -> None:
        _, _, ssrc, _ = self.uplinks.accepted[call_id]
        event = UpperAcked(upper, call_id, "127.0.0.1", 40000, "udp", ssrc)
        self.uplinks.say(replace(event, **changes))

    def hang_up(self, call_id: str = "call-1", upper: str = UPPER, reason: Any = "bye") -> None:
        self.uplinks.say(UpperCallEnded(upper, call_id, reason))

    def info(self, command: PlaybackCommand, call_id: str = "call-1") -> None:
        self.uplinks.say(
            UpperControlled(UPPER, call_id, f"info-{len(self.uplinks.replies)}", command)
        )

    # What comes of it

    def answers(self, upper: str = UPPER) -> list[Envelope]:
        return [parse_envelope(body) for body in self.uplinks.sent.get(upper, [])]

    async def answer(self, count: int = 1, upper: str = UPPER) -> Envelope:
        """Wait for so many messages; answers the last."""
        await eventually(lambda: len(self.answers(upper)) >= count)
        return self.answers(upper)[count - 1]

    async def counted(self, word: str, upper: str = UPPER, number: int = 1) -> None:
        await eventually(lambda: self.score.words(upper).get(word, 0) >= number)

    async def until_asked(self, count: int = 1) -> Envelope:
        await eventually(lambda: len(self.device.asked) >= count)
        return self.device.control_of(count - 1)

    async def until_accepted(self, call_id: str = "call-1") -> tuple[str, int, int, int]:
        await eventually(lambda: call_id in self.uplinks.accepted)
        return self.uplinks.accepted[call_id]

    async def until_refused(self, call_id: str = "call-1") -> tuple[int, str]:
        await eventually(lambda: call_id in self.uplinks.refused)
        return self.uplinks.refused[call_id]

    async def until_idle(self) -> None:
        """No call, no forwarder, no port."""
        await eventually(lambda: not len(self.calls) and not self.relay.sending)
        await eventually(lambda: not self.relay.open)

    async def bring_picture(self) -> None:
        """The device answers and sends."""
        await eventually(lambda: any(each.answers for each in self.relay.open.values()))
        self.relay.bring_picture()

    async def bring_recording(self) -> str:
        """The device answers a playback and sends; answers the stream."""
        await eventually(lambda: any(each.answers for each in self.relay.open.values()))
        stream = self.relay.running.stream
        self.playback.hear_media(FirstPacket(stream.id, ("127.0.0.1", 7000), 1))
        stream.publish(pictures(20), [Kind.VIDEO], 0.0)
        self.playback.hear_media(FirstKeyFrame(stream.id, 0.1))
        return stream.id


def _xml(root: str, command: str, target: str, inside: str, sn: int) -> str:
    head = f"<CmdType>{command}</CmdType><SN>{sn}</SN><DeviceID>{target}</DeviceID>"
    return f"<{root}>{head}{inside}</{root}>"


@asynccontextmanager
async def open_cascade(
    store: Store, clock: HandClock, bus: Bus, *, settle_s: float = 0.01, most_calls: int = 3
) -> AsyncIterator[Stage]:
    """Run everything for the length of the block; at its end nothing may be left open."""
    async with Relay(RelayConfig(host="127.0.0.1", ports=range(0)), clock.wall) as engine:
        uplinks, platforms, relay = FakeUplinks(), FakePlatforms(), FakeRelay(engine)
        channel = await store.run(get_channel, CHANNEL)
        platforms.known[UPPER] = platform()
        platforms.trees[UPPER] = tree_of(channel, codes={CHANNEL: THEIRS})
        device, lanes = FakeDevice(), Lanes("test")
        score = ScoreBook(uplinks, platforms, clock)
        live = LiveService(device, relay, FakeRoutes(), MEDIA, clock, bus)
        playback = PlaybackService(
            device, relay, FakeRoutes(), PlaybackSection(per_device=4), MEDIA, clock
        )
        recordings = DeviceRecordingService(device, FakeRoutes(), PlaybackSection(), clock)
        devices = DeviceDesk(device, store)
        heads = PtzService(devices, clock, bus)
        log: list[tuple[str, str, str, str]] = []

        async def audit(actor: str, action: str, target: str, result: str) -> None:
            log.append((actor, action, target, result))

        controls = ControlDesk(uplinks, devices, heads, score, audit)
        calls = CallDesk(
            uplinks,
            platforms,
            live,
            playback,
            relay,
            score,
            new_ssrc=lambda is_history: device.new_ssrc(is_history=is_history),
            our_host=lambda _: "192.0.2.10",
            clock=clock,
            most_calls=most_calls,
        )
        service = CascadeService(
            uplinks,
            platforms,
            lanes=lanes,
            queries=QueryDesk(
                uplinks,
                platforms,
                lanes,
                devices,
                recordings,
                controls,
                score,
                OwnFacts("县平台", "Fengsui", "VMS", "1.0"),
                clock,
            ),
            controls=controls,
            calls=calls,
            notices=NoticeDesk(uplinks, platforms, lanes, score, bus, calls.review, settle_s),
            score=score,
            bus=bus,
        )
        async with asyncio.TaskGroup() as group:
            below = [
                group.create_task(work())
                for work in (live.run, playback.run, recordings.run, heads.run)
            ]
            await asyncio.sleep(0)
            running = group.create_task(service.run())
            await eventually(lambda: UPPER in uplinks.set_now)
            stage = Stage(
                service, uplinks, platforms, relay, device, live, playback, calls, score,
                store, bus, clock, log, running.cancel,
            )  # fmt: skip
            yield stage
            running.cancel()
            await asyncio.wait([running])
            assert not relay.sending, "a forwarder stayed open"
            for task in below:
                task.cancel()
        assert relay.open == {}, "a port stayed open"
        assert len(device.ended) == len(set(device.ended)), "BYE sent twice"
