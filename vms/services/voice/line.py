"""One target of one sound: notify, wait for its calls, let them hear, hang up."""

import asyncio
import logging
from dataclasses import dataclass, field

from sip.gb28181.quirks import DeviceQuirks, Quirk
from sip.server import (
    BroadcastFailed,
    BroadcastFault,
    PeerUnreachable,
    VoiceEnded,
    VoiceEvent,
    VoiceRequested,
    VoiceStarted,
)
from stream_relay.errors import Overload, SourceLost
from stream_relay.voice.sender import VoiceTarget
from stream_relay.voice.studio import Studio
from vms.records.voice import TargetState, TargetView, VoiceReason
from vms.services.voice.ports import Hearer, MakeSender, Sender, Signalling
from vms.storage.device_records import Verdict

logger = logging.getLogger(__name__)

NEWS = 1024
BUSY_HERE = 486

FAULTS = {
    BroadcastFault.REFUSED: VoiceReason.REFUSED,
    BroadcastFault.NO_ANSWER: VoiceReason.DEVICE_UNREACHABLE,
    BroadcastFault.NO_INVITE: VoiceReason.NO_INVITE,
    BroadcastFault.OFFLINE: VoiceReason.DEVICE_OFFLINE,
}


VERDICTS = {VoiceReason.REFUSED: Verdict.REFUSED, VoiceReason.NO_INVITE: Verdict.SILENT}
"""Failures that say what a device cannot do; the others say nothing of it."""


class Exchange:
    """Hands what happens to a broadcast to the line that opened it."""

    def __init__(self, signalling: Signalling, quirks: DeviceQuirks) -> None:
        self.signalling = signalling
        self.quirks = quirks
        self._lines: dict[str, asyncio.Queue[VoiceEvent]] = {}

    def join(self, broadcast_id: str) -> "asyncio.Queue[VoiceEvent]":
        """What happens to a broadcast from now on."""
        news: asyncio.Queue[VoiceEvent] = asyncio.Queue(NEWS)
        self._lines[broadcast_id] = news
        return news

    def leave(self, broadcast_id: str) -> None:
        """End the broadcast; what still comes is nobody's."""
        self._lines.pop(broadcast_id, None)
        self.signalling.end_broadcast(broadcast_id)

    async def run(self) -> None:
        """Distribute until cancelled."""
        async for event in self.signalling.voice_events():
            news = self._lines.get(event.broadcast_id)
            if news is None or news.full():
                if isinstance(event, VoiceRequested):
                    self.signalling.refuse_voice(event.call_id, BUSY_HERE)
                continue
            news.put_nowait(event)


@dataclass(slots=True, eq=False)
class _Call:
    sender: Sender
    ssrc: int
    connecting: asyncio.Task[None] | None = None


@dataclass(slots=True, eq=False)
class Line:
    """One target; `run` ends by itself when nobody hears any more, else by cancellation."""

    hearer: Hearer
    exchange: Exchange
    studio: Studio
    make_sender: MakeSender
    state: TargetState = TargetState.WAITING
    reason: VoiceReason | None = None
    detail: str = ""
    has_heard: bool = False
    """Whether sound was sent to it at least once."""
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once somebody hears, or nobody will."""
    _calls: dict[str, _Call] = field(default_factory=dict)
    _news: "asyncio.Queue[VoiceEvent] | None" = None
    _sent: int = 0
    _dropped: int = 0

    @property
    def view(self) -> TargetView:
        """As people see it."""
        senders = [call.sender for call in self._calls.values()]
        return TargetView(
            self.hearer.code,
            self.hearer.name,
            self.state,
            self.reason,
            self.detail,
            self._sent + sum(sender.packets for sender in senders),
            self._dropped + sum(sender.dropped for sender in senders),
        )

    @property
    def verdict(self) -> Verdict | None:
        """Whether the device lets us speak; None when nothing was learned."""
        if self.has_heard:
            return Verdict.WORKS
        return VERDICTS.get(self.reason) if self.reason is not None else None

    async def run(self) -> None:
        """Serve the target."""
        self.state = TargetState.CALLING
        try:
            await self._serve()
        finally:
            for call_id in list(self._calls):
                self._drop(call_id)
            if self.state is not TargetState.FAILED:
                spoke = self.state is TargetState.SPEAKING
                self.state = TargetState.DONE if spoke else TargetState.WAITING
            self.settled.set()

    async def _serve(self) -> None:
        signalling, hearer = self.exchange.signalling, self.hearer
        if not signalling.is_registered(hearer.device_id):
            self._fail(VoiceReason.DEVICE_OFFLINE)
            return
        try:
            opened = signalling.open_broadcast(hearer.device_id, hearer.code)
        except PeerUnreachable as error:
            self._fail(VoiceReason.DEVICE_UNREACHABLE, str(error))
            return
        self._news = news = self.exchange.join(opened)
        try:
            async with asyncio.TaskGroup() as group:
                while self._take(await news.get(), group):
                    pass
                for call in self._calls.values():
                    if call.connecting is not None:
                        call.connecting.cancel()
        finally:
            self.exchange.leave(opened)

    def _take(self, event: VoiceEvent, group: asyncio.TaskGroup) -> bool:
        """Act on one event; False when nobody hears and nobody will."""
        match event:
            case BroadcastFailed(fault=fault, detail=detail):
                self._fail(FAULTS[fault], detail)
                return False
            case VoiceRequested():
                self._answer(event)
            case VoiceStarted(call_id=call_id) if call_id in self._calls:
                call = self._calls[call_id]
                call.connecting = group.create_task(self._connect(call_id, call))
            case VoiceEnded(call_id=call_id, reason=reason):
                self._drop(call_id)
                if not self._calls:
                    is_offline = reason == "offline"
                    if self.state is not TargetState.FAILED:
                        self._fail(
                            VoiceReason.DEVICE_OFFLINE if is_offline else VoiceReason.HUNG_UP,
                            reason,
                        )
                    return False
        return True

    def _answer(self, event: VoiceRequested) -> None:
        offer = event.offer
        quirks = self.exchange.quirks(self.hearer.device_id)
        signalling = self.exchange.signalling
        sender = self.make_sender(
            VoiceTarget(
                offer.host,
                offer.port,
                offer.transport,
                event.signalling_host,
                offer.payload_type,
                offer.is_program_stream,
                quirks.number(Quirk.VOICE_PACKET_MS),
                quirks.number(Quirk.PES_BYTES),
                is_mu_law=offer.is_mu_law,
            )
        )
        try:
            sender.open()
        except Overload as error:
            sender.close()
            signalling.refuse_voice(event.call_id, BUSY_HERE)
            self._fail(VoiceReason.PORTS_EXHAUSTED, str(error))
            return
        ssrc = signalling.accept_voice(event.call_id, self.hearer.our_host, sender.port)
        if ssrc is None:
            sender.close()
            return
        self._calls[event.call_id] = _Call(sender, ssrc)

    async def _connect(self, call_id: str, call: _Call) -> None:
        try:
            await call.sender.start(call.ssrc)
        except SourceLost as error:
            self._drop(call_id)
            if not self._calls:
                self._fail(VoiceReason.MEDIA_UNREACHABLE, str(error))
                if self._news is not None and not self._news.full():
                    self._news.put_nowait(VoiceEnded("", call_id, "local"))
            return
        self.studio.admit(call.sender)
        self.state, self.reason, self.detail = TargetState.SPEAKING, None, ""
        self.has_heard = True
        self.settled.set()

    def _drop(self, call_id: str) -> None:
        call = self._calls.pop(call_id, None)
        if call is None:
            return
        if call.connecting is not None and call.connecting is not asyncio.current_task():
            call.connecting.cancel()
        self.studio.dismiss(call.sender)
        self._sent += call.sender.packets
        self._dropped += call.sender.dropped
        call.sender.close()

    def _fail(self, reason: VoiceReason, detail: str = "") -> None:
        self.state, self.reason, self.detail = TargetState.FAILED, reason, detail[:256]
        self.settled.set()
        logger.warning(
            "nobody hears",
            extra={"channel": self.hearer.code, "reason": reason.value, "detail": detail[:256]},
        )
