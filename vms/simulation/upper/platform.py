"""A pretend upper platform on the network: our own SIP server, told what to do line by line."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from sip.errors import SipError
from sip.gb28181 import control
from sip.gb28181.mansrtsp import PlaybackCommand, pause, resume, seek, set_speed
from sip.gb28181.record_info import RecordQuery, ask_record_info, format_time
from sip.message.sdp import History, HistoryKind, MediaTransport
from sip.roles.authentication import Credential
from sip.roles.config import SipConfig
from sip.server import Invitation, MediaOffer, SipServer
from sip.simulator.upper import FaultyUpper, UpperFaults
from sip.subscriptions import Subscriptions
from vms.ids import random_bytes
from vms.simulation.upper.journal import Journal, tree_lines
from vms.simulation.upper.news import tell_news
from vms.simulation.upper.orders import TOPICS, Order, moment, move_of
from vms.simulation.upper.sink import MediaSink

logger = logging.getLogger(__name__)

MOST_CALLS = 64
SHOWN_RECORDS = 20
WAIT_S = 60.0
"""Longest wait for what an order waits for."""
UNSHARED = "9999999"
"""Last seven digits of a channel that nobody has shared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpperPlan:
    """Who the pretend platform is, and whom it expects below."""

    config: SipConfig
    lower_id: str
    password: str
    wall: Callable[[], datetime]
    transport: MediaTransport = "udp"
    """Of the media that it asks for, seen from itself."""
    faults: UpperFaults = field(default_factory=UpperFaults)
    save: Path | None = None
    """Folder for the program streams that are received."""


@dataclass(slots=True, eq=False)
class UpperReception:
    """One call of ours and what comes of it."""

    code: str
    kind: str
    ssrc: int
    sink: MediaSink
    invitation: Invitation | None = None
    is_over: bool = False


class UpperPlatform:
    """Carries out orders, one after the other; tells everything to its journal."""

    def __init__(self, plan: UpperPlan, journal: Journal) -> None:
        self._plan = plan
        self._journal = journal
        self._server = _server_of(plan)
        self._subscriptions: Subscriptions = self._server.subscriptions
        self._receptions: list[UpperReception] = []
        self._latest: UpperReception | None = None
        self._count = 0
        self._progress = asyncio.Event()
        """Something came that an order may wait for."""
        self._doers: dict[str, Callable[[Order], Awaitable[None]]] = {
            "catalog": self._show_catalog,
            "subscribe": self._subscribe,
            **dict.fromkeys(("live", "playback", "download"), self._receive),
            **dict.fromkeys(("pause", "play", "seek", "speed"), self._control),
            "ptz": self._turn,
            "records": self._show_records,
            **dict.fromkeys(("info", "status"), self._show_state),
            "stop": self._stop,
            "wait": self._wait,
        }

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    async def run(self, orders: AsyncIterator[Order], stop: asyncio.Event) -> None:
        """Listen and obey until `stop`, or until an order says quit."""
        async with self._server, asyncio.TaskGroup() as group:
            config = self._plan.config
            self._journal.tell(
                "listening",
                f"上级平台 upper platform {config.server_id} @ {config.host}:{self.port}",
                id=config.server_id,
                port=self.port,
            )
            tasks = [
                group.create_task(self._watch()),
                group.create_task(self._obey_all(orders, stop)),
            ]
            await stop.wait()
            for reception in list(self._receptions):
                await self._end(reception, "local")
            for task in tasks:
                task.cancel()

    async def _obey_all(self, orders: AsyncIterator[Order], stop: asyncio.Event) -> None:
        async for order in orders:
            if order.word == "quit":
                stop.set()
                return
            try:
                await self.obey(order)
            except (SipError, OSError, TimeoutError) as error:
                reason = str(error) or f"nothing came within {WAIT_S:.0f} s"
                about = f"{order.word} {order.code or order.option}".strip()
                self._journal.tell(
                    "failed", f"✗ {about}: {reason}", order=order.word,
                    code=order.code, reason=reason, status=getattr(error, "status", 0),
                )  # fmt: skip

    async def obey(self, order: Order) -> None:
        """Carry out one order; raises SipError, OSError, TimeoutError."""
        await self._doers[order.word](order)

    # Questions

    async def _show_catalog(self, order: Order) -> None:
        result = await self._server.query_catalog(self._plan.lower_id)
        lines = "".join(f"\n    {line}" for line in tree_lines(result.items))
        state = "" if result.complete else f", 不全 incomplete: {result.sum_num}"
        self._journal.tell(
            "catalog",
            f"✓ 目录 catalog: {len(result.items)} 项 items{state}{lines}",
            complete=result.complete,
            sum_num=result.sum_num,
            items=[
                {"id": item.device_id, "name": item.name, "parents": list(item.parent_ids),
                 "on": item.status_on}
                for item in result.items
            ],
        )  # fmt: skip

    async def _subscribe(self, order: Order) -> None:
        topic, lower_id = TOPICS[order.option], self._plan.lower_id
        if order.is_off:
            await self._subscriptions.end(lower_id, topic)
            return
        follow = {
            "catalog": self._subscriptions.follow_catalog,
            "alarm": self._subscriptions.follow_alarms,
            "position": self._subscriptions.follow_positions,
        }[order.option]
        await follow(lower_id)

    async def _show_records(self, order: Order) -> None:
        start, end = self._stretch(order)
        query = RecordQuery(self._asked(order.code), start, end)
        found = await self._server.ask(self._plan.lower_id, ask_record_info(query))
        lines = [
            f"\n    {format_time(item.start)} – {format_time(item.end)}  {item.record_type}"
            for item in found.items[:SHOWN_RECORDS]
        ]
        self._journal.tell(
            "records",
            f"✓ 录像 records {order.code}: {len(found.items)}{''.join(lines)}",
            code=order.code,
            complete=found.complete,
            items=[{"start": item.start.isoformat(), "end": item.end.isoformat()}
                   for item in found.items],
        )  # fmt: skip

    async def _show_state(self, order: Order) -> None:
        server = self._server
        ask = server.query_device_info if order.word == "info" else server.query_device_status
        answer = await ask(self._plan.lower_id)
        facts = {name: value for name, value in asdict(answer).items() if value not in (None, "")}
        words = ", ".join(f"{name} {value}" for name, value in facts.items())
        self._journal.tell(order.word, f"✓ {order.word}: {words}", answer=words)

    async def _turn(self, order: Order) -> None:
        question = control.send_ptz(self._asked(order.code), move_of(order))
        await self._server.ask(self._plan.lower_id, question)
        self._journal.tell("ptz", f"✓ ptz {order.code} {order.option}", code=order.code)

    # Media

    async def _receive(self, order: Order) -> None:
        if len(self._receptions) >= MOST_CALLS:
            raise SipError("too many calls at once")
        history = self._history(order)
        ssrc = self._server.new_ssrc(is_history=history is not None)
        reception = UpperReception(order.code, order.word, ssrc, self._sink(order, ssrc))
        host = self._plan.config.advertised_host
        self._receptions.append(reception)
        self._latest = reception
        try:
            await reception.sink.open(self._plan.transport, host)
            offer = MediaOffer(
                host,
                reception.sink.port,
                self._plan.transport,
                ssrc,
                "sub" if order.option == "sub" else "main",
                history,
            )
            code = self._asked(order.code)
            reception.invitation = await self._server.invite(self._plan.lower_id, code, offer)
            remote = reception.invitation.remote
            self._journal.tell(
                "answered", f"✓ {order.word} {order.code} ← {remote.host}:{remote.port}",
                code=order.code, kind=order.word, host=remote.host, port=remote.port,
                ssrc=reception.invitation.ssrc, size=remote.size_bytes,
            )  # fmt: skip
            if self._plan.transport == "tcp-active":
                await reception.sink.connect(remote.host, remote.port)
        except (SipError, OSError):
            await self._end(reception, "failed")
            raise
        if order.word == "playback" and order.number not in (0, 1):
            await self._send_control(reception, set_speed(order.number))

    async def _stop(self, order: Order) -> None:
        for reception in list(self._receptions):
            if order.code in ("", reception.code):
                await self._end(reception, "local")

    async def _control(self, order: Order) -> None:
        playing = [each for each in self._receptions if each.kind == "playback"]
        if not playing:
            raise SipError("no playback runs")
        match order.word:
            case "pause":
                command = pause()
            case "play":
                command = resume()
            case "seek":
                command = seek(order.number)
            case _:
                try:
                    command = set_speed(order.number)
                except ValueError as error:
                    raise SipError(str(error)) from error
        await self._send_control(playing[-1], command)

    async def _send_control(self, reception: UpperReception, command: PlaybackCommand) -> None:
        if reception.invitation is None:
            raise SipError("the playback is not answered yet")
        reply = await self._server.control_playback(reception.invitation.id, command)
        self._journal.tell(
            "controlled", f"✓ {command.method} {command.scale or ''}",
            code=reception.code, method=str(command.method), status=reply.status,
        )  # fmt: skip

    async def _end(self, reception: UpperReception, reason: str) -> None:
        """Hang up and tell what came; again and again is fine."""
        if reception.is_over:
            return
        reception.is_over = True
        self._progress.set()
        self._receptions.remove(reception)
        counts = reception.sink.close()
        if reception.invitation is not None:
            await self._server.bye(reception.invitation.id, reason)
        right = counts.ssrcs == [reception.invitation.ssrc] if reception.invitation else False
        self._journal.tell(
            "ended",
            f"■ {reception.kind} {reception.code} ({reason}): {counts.packets} 包 packets, "
            f"{counts.bytes} B, 丢失 lost {counts.lost}, SSRC {'✓' if right else counts.ssrcs}",
            code=reception.code, kind=reception.kind, reason=reason, packets=counts.packets,
            bytes=counts.bytes, lost=counts.lost, ssrcs=counts.ssrcs, is_expected_ssrc=right,
            is_program_stream=counts.is_program_stream,
        )  # fmt: skip

    def _sink(self, order: Order, ssrc: int) -> MediaSink:
        self._count += 1
        path = None
        if self._plan.save is not None:
            path = self._plan.save / f"{self._count:03d}-{order.word}-{order.code}.ps"

        def began() -> None:
            self._progress.set()
            self._journal.tell(
                "media", f"▶ {order.word} {order.code}: 首包 first packet",
                code=order.code, kind=order.word,
            )  # fmt: skip

        return MediaSink(began, path)

    def _history(self, order: Order) -> History | None:
        if order.word == "live":
            return None
        start, end = self._stretch(order)
        kind: HistoryKind = "Playback" if order.word == "playback" else "Download"
        speed = int(order.number) if kind == "Download" else 0
        return History(kind, int(start.timestamp()), int(end.timestamp()), download_speed=speed)

    def _stretch(self, order: Order) -> tuple[datetime, datetime]:
        now = self._plan.wall()
        start, end = moment(order.start, now), moment(order.end, now)
        if start is None or end is None or start >= end:
            raise SipError(f"no stretch of time: {order.start} to {order.end}")
        return start, end

    def _asked(self, code: str) -> str:
        return code[:-7] + UNSHARED if self._plan.faults.unshared else code

    # News and waits

    async def _watch(self) -> None:
        async for event in self._server.events():
            ended = tell_news(event, self._journal)
            self._progress.set()
            if ended is None:
                continue
            for reception in list(self._receptions):
                invitation = reception.invitation
                if invitation is not None and invitation.id == ended.invitation_id:
                    await self._end(reception, ended.reason)

    async def _wait(self, order: Order) -> None:
        if not order.option:
            await asyncio.sleep(order.number)
            return
        async with asyncio.timeout(WAIT_S):
            while not self._has_come(order.option):
                self._progress.clear()
                await self._progress.wait()

    def _has_come(self, what: str) -> bool:
        match what:
            case "registered":
                return self._server.is_registered(self._plan.lower_id)
            case "end":
                return not self._receptions
            case _:
                latest = self._latest
                if latest is None or (latest.is_over and not latest.sink.counts.packets):
                    raise SipError("there is no call that media could come of")
                return latest.sink.counts.packets > 0


def _server_of(plan: UpperPlan) -> SipServer:
    known = {plan.lower_id: Credential(plan.password)}
    return SipServer(
        plan.config,
        known.get,
        plan.wall,
        random_bytes,
        make_endpoint=lambda *parts: FaultyUpper(plan.faults, *parts),
    )
