"""Calls of upper platforms: a channel of ours, sent to where the upper wants it.

A live call joins the channel's one stream, whoever else looks at it; a recording is a session of
its own at the device, one to one. The 200 goes out when there is a picture, media begins with
the ACK, and whatever ends a call, its forwarder, its place before the picture and its
session are given back (GB/T 28181-2022 9.2, 9.8, 9.9, annex K).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from channel_registry.records import ChannelRecord
from sip.errors import SipError
from sip.gb28181.mansrtsp import PlaybackReply
from sip.message.sdp import History
from sip.roles.upward.terms import (
    UpperAcked,
    UpperCallEnded,
    UpperControlled,
    UpperInvited,
)
from sip.server import NoSsrcLeft, PlaybackRefused
from stream_relay.control import ForwarderControl
from stream_relay.errors import Overload, RelayError
from stream_relay.forwarder import Content
from stream_relay.stream import Stream
from vms.clock import Clock
from vms.errors import LiveFailed, NotFound, NotReady, VmsError
from vms.records import LiveState
from vms.services.cascade.call_rules import OUR_SIDE, Refused, check_call, refused_picture
from vms.services.cascade.lanes import once
from vms.services.cascade.ports import (
    DeviceRecordings,
    Forwards,
    LivePictures,
    Platforms,
    UplinkControl,
)
from vms.services.cascade.scorecard import ScoreBook
from vms.services.cascade.upper import find_upper
from vms.services.playback_session import PlaybackEnd, PlaybackSession
from vms.supervise import supervise

logger = logging.getLogger(__name__)

MOST_CALLS = 64
"""Of one upper platform at a time: above it 486 (annex F note 5 of 2016, annex G note 17)."""
FAREWELL_S = 10.0
"""How long the upper platform may take for its BYE after the end of a file."""
LOOK_S = 0.02
CONNECTS = 9
"""The port in our SDP where it is we who connect (RFC 4145 §4.1)."""


@dataclass(slots=True, eq=False)
class _Call:
    """One call from its INVITE to its end."""

    event: UpperInvited
    began: float
    acked: asyncio.Future[UpperAcked]
    task: asyncio.Task[None] | None = None
    session: PlaybackSession | None = None
    """Of a recording."""
    controls: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_accepted: bool = False
    is_gone: bool = False
    """The upper platform ended it."""
    refusal: Refused | None = None

    @property
    def id(self) -> str:
        return self.event.call_id


class CallDesk:
    """Serves calls while `run` is running."""

    def __init__(
        self,
        uplinks: UplinkControl,
        platforms: Platforms,
        live: LivePictures,
        recordings: DeviceRecordings,
        relay: Forwards,
        score: ScoreBook,
        *,
        new_ssrc: Callable[[bool], int],
        our_host: Callable[[str], str],
        clock: Clock,
        most_calls: int = MOST_CALLS,
    ) -> None:
        """`new_ssrc` is told whether it is for a recording; `our_host` gives our address as a
        platform's host sees it."""
        self._uplinks = uplinks
        self._platforms = platforms
        self._live = live
        self._recordings = recordings
        self._relay = relay
        self._score = score
        self._new_ssrc = new_ssrc
        self._our_host = our_host
        self._clock = clock
        self._most_calls = most_calls
        self._calls: dict[str, _Call] = {}
        self._group: asyncio.TaskGroup | None = None

    def __len__(self) -> int:
        """Calls that are not over."""
        return len(self._calls)

    async def run(self) -> None:
        """Serve until cancelled; then every call is ended."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await asyncio.Event().wait()
        finally:
            self._group = None

    # What signalling says

    def invited(self, event: UpperInvited) -> None:
        """An upper platform calls."""
        self._score.invited(event.platform_id)
        if self._group is None:
            self._uplinks.refuse(event.call_id, 503)
            return
        acked: asyncio.Future[UpperAcked] = asyncio.get_running_loop().create_future()
        call = _Call(event, self._clock.now(), acked)
        self._calls[call.id] = call
        call.task = self._group.create_task(self._serve(call))

    def acked(self, event: UpperAcked) -> None:
        """Media may flow."""
        call = self._calls.get(event.call_id)
        if call is not None and not call.acked.done():
            call.acked.set_result(event)

    def ended(self, event: UpperCallEnded) -> None:
        """The upper platform has ended it, or it is lost."""
        call = self._calls.get(event.call_id)
        if call is None or call.task is None:
            return
        call.is_gone = True
        if event.reason == "no_ack" or (event.reason != "bye" and not call.is_accepted):
            self._score.failed(event.platform_id, call.event.channel_id, event.reason)
        call.task.cancel()

    def controlled(self, event: UpperControlled) -> None:
        """An INFO: passed on to the device, in order."""
        call = self._calls.get(event.call_id)
        if call is None or call.session is None or self._group is None:
            self._uplinks.reply_control(event.call_id, event.control_id, PlaybackReply(454, "Gone"))
            return
        self._group.create_task(self._control(call, call.session, event))

    def review(self) -> None:
        """Shares or rights have changed: what may no longer be seen ends."""
        for call in list(self._calls.values()):
            upper = find_upper(self._platforms, call.event.platform_id)
            try:
                check_call(upper, call.event)
            except Refused as refused:
                if refused.status != 480 and call.task is not None:
                    call.refusal = refused
                    call.task.cancel()

    # One call

    async def _serve(self, call: _Call) -> None:
        try:
            await supervise(
                f"upper-call {call.event.channel_id}", once(lambda: self._attempt(call))
            )
        finally:
            del self._calls[call.id]
            self._score.ended(call.event.platform_id, call.id)
            if call.refusal is not None and not call.is_accepted:
                self._uplinks.refuse(call.id, call.refusal.status, call.refusal.reason)
            elif not call.is_gone:
                self._uplinks.end_call(call.id)

    async def _attempt(self, call: _Call) -> None:
        event = call.event
        try:
            await self._bring(call)
        except Refused as refused:
            call.refusal = refused
            self._score.failed(event.platform_id, event.channel_id, refused.reason)
            logger.info(
                "call of an upper platform refused",
                extra={
                    "platform": event.platform_id,
                    "channel": event.channel_id,
                    "status": refused.status,
                    "reason": refused.reason,
                },
            )

    async def _bring(self, call: _Call) -> None:
        upper = find_upper(self._platforms, call.event.platform_id)
        channel = check_call(upper, call.event)
        others = sum(c.event.platform_id == call.event.platform_id for c in self._calls.values())
        if others > self._most_calls:
            raise Refused(486, "too_many_calls")
        try:
            if call.event.history is None:
                await self._bring_live(call, channel)
            else:
                await self._bring_recording(call, channel, call.event.history)
        except LiveFailed as failure:
            raise refused_picture(failure) from failure
        except NotFound as error:
            raise Refused(404, error.code) from error
        except NotReady as error:
            raise Refused(503, error.code) from error
        except VmsError as error:
            raise Refused(486, error.code) from error

    async def _bring_live(self, call: _Call, channel: ChannelRecord) -> None:
        """Join the channel's stream; stay until it, or the call, is over."""
        viewer = f"upper {call.event.platform_id}"
        async with self._live.watch(channel.code, "ps", viewer) as watch:
            await self._send(call, await watch.stream(), "source")
        self._score.failed(call.event.platform_id, call.event.channel_id, "stream_lost")

    async def _bring_recording(self, call: _Call, channel: ChannelRecord, history: History) -> None:
        start, end = (datetime.fromtimestamp(at, UTC) for at in (history.start, history.stop))
        session = call.session = await self._recordings.open_session(
            channel.code, history.kind, start, end, history.download_speed
        )
        number = session.demand.enter(f"upper {call.event.platform_id}")
        try:
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(self._send_recording(call, session, number))
                outcome = await session.run()
                if outcome is not PlaybackEnd.FINISHED:
                    sending.cancel()
                await asyncio.wait([sending], timeout=FAREWELL_S)
                sending.cancel()
        finally:
            session.demand.leave(number)
            self._recordings.close_session(session)
        if call.refusal is not None:
            raise call.refusal
        if isinstance(outcome, LiveFailed):
            raise outcome
        if outcome is PlaybackEnd.FINISHED and call.is_accepted:
            self._uplinks.file_ended(call.id)
            await asyncio.sleep(FAREWELL_S)  # its BYE cancels this

    async def _send_recording(self, call: _Call, session: PlaybackSession, number: int) -> None:
        """Send it on as soon as there is a picture; without a receiver the session ends."""
        while session.stream is None:
            if session.is_over or session.board.state is LiveState.FAILED:
                return
            await session.board.next_change().wait()
        try:
            # From the first picture on: it was kept while the upper was being answered.
            await self._send(call, session.stream, "all", session.size_bytes or 0)
        except Refused as refused:
            call.refusal = refused
        session.demand.leave(number)
        session.demand.cut()

    async def _send(
        self, call: _Call, stream: Stream, content: Content, size_bytes: int = 0
    ) -> None:
        """Answer by 200 and send until the stream or its receiver ends; raises Refused."""
        event = call.event
        ssrc = event.ssrc
        if ssrc is None:
            try:
                ssrc = self._new_ssrc(event.history is not None)
            except NoSsrcLeft as error:
                raise Refused(503, "ports_exhausted") from error
        if not event.has_offer or event.transport == "tcp-passive":
            # Who listens is connected to when it knows us; who has offered nothing says where.
            self._accept(call, self._our_address(event), CONNECTS, ssrc, size_bytes)
            ack = await call.acked
            async with self._forwarding(ack, stream, ack.ssrc, content) as forwarder:
                await self._watch_over(call, forwarder)
            return
        async with self._forwarding(event, stream, ssrc, content) as forwarder:
            host = forwarder.host or self._our_address(event)
            self._accept(call, host, forwarder.port, ssrc, size_bytes)
            await call.acked
            await self._watch_over(call, forwarder)

    def _accept(self, call: _Call, host: str, port: int, ssrc: int, size_bytes: int) -> None:
        call.is_accepted = True
        self._uplinks.accept(call.id, host, port, ssrc, size_bytes=size_bytes)

    @asynccontextmanager
    async def _forwarding(
        self, target: UpperInvited | UpperAcked, stream: Stream, ssrc: int, content: Content
    ) -> AsyncIterator[ForwarderControl]:
        """Send to a target for the length of the block; raises Refused."""
        try:
            forwarder = await self._relay.forward(
                stream,
                OUR_SIDE[target.transport],
                ssrc=ssrc,
                host=target.host,
                port=target.port,
                content=content,
                is_held=True,
            )
        except Overload as error:
            raise Refused(503, "ports_exhausted") from error
        except (RelayError, OSError, ValueError) as error:
            raise Refused(488, "target_unreachable") from error
        try:
            yield forwarder
        finally:
            forwarder.close()

    async def _watch_over(self, call: _Call, forwarder: ForwarderControl) -> None:
        """Send until the stream or the receiver ends; note when the first packet went out."""
        try:
            await forwarder.start()
        except RelayError as error:
            raise Refused(503, "relay_unreachable") from error
        platform_id = call.event.platform_id
        self._score.accepted(platform_id, call.id, lambda: forwarder.statistics.bytes)
        async with asyncio.TaskGroup() as group:
            noting = group.create_task(self._note_first(call, forwarder))
            await forwarder.wait_closed()
            noting.cancel()

    async def _note_first(self, call: _Call, forwarder: ForwarderControl) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if forwarder.statistics.packets:
                break
        after_ms = (self._clock.now() - call.began) * 1e3
        self._score.first_frame(call.event.platform_id, after_ms)

    def _our_address(self, event: UpperInvited) -> str:
        return self._our_host(event.host or self._platforms.platform(event.platform_id).host)

    # Commands within a call

    async def _control(self, call: _Call, session: PlaybackSession, event: UpperControlled) -> None:
        async with call.controls:
            try:
                reply = await session.obey(event.command)
            except PlaybackRefused as refused:
                reply = PlaybackReply(refused.status, refused.reason)
            except SipError:
                reply = PlaybackReply(454, "Session Not Found")
        self._uplinks.reply_control(event.call_id, event.control_id, reply)
