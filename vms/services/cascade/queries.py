"""What upper platforms ask: our catalogue, ourselves, our channels, and what only devices know.

Nothing is said about what is not shared: such a question is counted and gets no answer. What we do
not know is answered by `Result ERROR` (GB/T 28181-2022 9.5, 9.7, annex A, J, M).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from channel_registry.records import ChannelRecord
from channel_registry.upper_records import UpperRight
from sip.errors import SipError
from sip.events import CatalogItem
from sip.gb28181.broadcast import build_broadcast_response, parse_broadcast
from sip.gb28181.catalog import build_catalog_response
from sip.gb28181.manscdp import Envelope, Root
from sip.gb28181.query import DeviceInfo, DeviceStatus, build_device_info, build_device_status
from sip.gb28181.record_info import (
    RecordItem,
    RecordQuery,
    build_record_info,
    format_time,
    parse_record_query,
)
from sip.roles.upward.terms import UpperAsked
from vms.clock import Clock
from vms.errors import VmsError
from vms.records import DeviceRecording, SearchState
from vms.services.cascade.catalog_answers import split_items
from vms.services.cascade.controls import ControlDesk
from vms.services.cascade.lanes import Lanes
from vms.services.cascade.passage import pass_down, pass_up, refusal
from vms.services.cascade.ports import Platforms, RecordingSearcher, UplinkControl
from vms.services.cascade.scorecard import ScoreBook
from vms.services.cascade.upper import Upper, find_upper
from vms.services.device_desk import DeviceDesk

logger = logging.getLogger(__name__)

PASSED = frozenset(
    {
        "PresetQuery", "ConfigDownload", "HomePositionQuery", "CruiseTrackListQuery",
        "CruiseTrackQuery", "PTZPosition", "SDCardStatus",
    }
)  # fmt: skip
"""What only the device can answer."""
NEEDS_CONTROL = frozenset({"ConfigDownload"})
SEARCH_S = 60.0
"""How long an upper platform's search for recordings may take."""
RECORDS_IN_MESSAGE = {"udp": 4, "tcp": 100}
PASS_S = 10.0
"""How long a device may think about a question that is passed on."""


@dataclass(frozen=True, slots=True)
class OwnFacts:
    """What we say of ourselves as a device."""

    name: str
    manufacturer: str
    model: str
    firmware: str


class QueryDesk:
    """Takes what comes in MESSAGEs; each question in its lane."""

    def __init__(
        self,
        uplinks: UplinkControl,
        platforms: Platforms,
        lanes: Lanes,
        devices: DeviceDesk,
        recordings: RecordingSearcher,
        controls: ControlDesk,
        score: ScoreBook,
        facts: OwnFacts,
        clock: Clock,
    ) -> None:
        self._uplinks = uplinks
        self._platforms = platforms
        self._lanes = lanes
        self._devices = devices
        self._recordings = recordings
        self._controls = controls
        self._score = score
        self._facts = facts
        self._clock = clock

    def take(self, event: UpperAsked) -> None:
        """Put it into its lane; what is too much is counted and dropped."""
        envelope = event.envelope
        lane = (envelope.root, envelope.command, envelope.device_id)
        self._score.count(event.platform_id, f"{envelope.root.value}.{envelope.command}"[:64])
        if not self._lanes.put(event.platform_id, lane, lambda: self._serve(event)):
            self._score.count(event.platform_id, "dropped")

    async def _serve(self, event: UpperAsked) -> None:
        upper = find_upper(self._platforms, event.platform_id)
        if upper is None:
            return
        try:
            await self._answer(upper, event.envelope)
        except SipError as error:
            self._score.count(upper.id, "unsent")
            logger.warning(
                "an answer did not reach the upper platform",
                extra={"platform": upper.id, "event": event.envelope.command, "reason": str(error)},
            )

    async def _answer(self, upper: Upper, envelope: Envelope) -> None:
        match envelope.root:
            case Root.QUERY:
                await self._answer_query(upper, envelope)
            case Root.CONTROL:
                await self._controls.take(upper, envelope)
            case Root.NOTIFY if envelope.command == "Broadcast":
                await self._refuse_broadcast(upper, envelope)
            case _:  # answers to our alarms, and notifications that no upper platform sends
                self._score.count(upper.id, "heard")

    async def _answer_query(self, upper: Upper, envelope: Envelope) -> None:
        channel = upper.channel(envelope.device_id)
        item = _item(upper, envelope.device_id)
        match envelope.command:
            case "Catalog":
                await self._send_catalog(upper, envelope)
            case _ if item is None:
                self._score.count(upper.id, "not_shared")
            case "DeviceInfo":
                await self._send(upper, self._info(upper, item, envelope))
            case "DeviceStatus":
                await self._send(upper, self._status(upper, item, envelope))
            case "RecordInfo" if channel is not None:
                await self._send_records(upper, channel, envelope)
            case command if command in PASSED and channel is not None:
                await self._pass(upper, channel, envelope)
            case _:
                await self._refuse(upper, envelope, "unknown")

    # Ourselves

    async def _send_catalog(self, upper: Upper, envelope: Envelope) -> None:
        """One MESSAGE after the other; nothing found is SumNum 0 without a list."""
        target, platform = envelope.device_id, upper.platform
        is_whole = target in ("", platform.own_id)
        items = upper.tree.items if is_whole else upper.tree.under(target)
        target = target or platform.own_id
        for part in split_items(items, platform.transport, upper.charset) if items else ((),):
            body = build_catalog_response(
                target, envelope.sn, part, len(items), charset=upper.charset
            )
            await self._send(upper, body)
        self._score.told_catalog(upper.id, items, whole=is_whole)

    def _info(self, upper: Upper, item: CatalogItem, envelope: Envelope) -> bytes:
        facts, code = self._facts, envelope.device_id
        info = DeviceInfo(code, item.name, item.manufacturer, item.model)
        if code == upper.platform.own_id:
            count = len(upper.tree.channels)
            name = item.name or facts.name
            info = DeviceInfo(code, name, facts.manufacturer, facts.model, facts.firmware, count)
        return build_device_info(info, envelope.sn, charset=upper.charset)

    def _status(self, upper: Upper, item: CatalogItem, envelope: Envelope) -> bytes:
        is_on = item.status_on or envelope.device_id == upper.platform.own_id
        status = DeviceStatus(
            envelope.device_id,
            is_online=is_on,
            is_ok=is_on,
            is_encoding=is_on if envelope.device_id in upper.tree.channels else None,
            device_time=format_time(self._clock.wall()),
        )
        return build_device_status(status, envelope.sn, charset=upper.charset)

    # Devices

    async def _send_records(self, upper: Upper, channel: ChannelRecord, envelope: Envelope) -> None:
        """What the device has recorded, under the upper's code (2022 A.2.6.7)."""
        if not (upper.may(UpperRight.PLAYBACK) or upper.may(UpperRight.DOWNLOAD)):
            await self._refuse(upper, envelope, "not_permitted")
            return
        wanted = parse_record_query(envelope)
        if wanted is None:
            await self._refuse(upper, envelope, "bad_request")
            return
        try:
            found = await self._recordings.search(
                channel.code, wanted.start, wanted.end, wait_s=SEARCH_S
            )
        except VmsError as error:
            await self._refuse(upper, envelope, error.code)
            return
        if found.state is SearchState.FAILED:
            await self._refuse(upper, envelope, found.reason)
            return
        items = [_record(envelope.device_id, channel, item) for item in found.items]
        items = [item for item in items if _wants(wanted, item)]
        size = RECORDS_IN_MESSAGE[upper.platform.transport]
        for start in range(0, max(len(items), 1), size):
            body = build_record_info(
                envelope.device_id,
                envelope.sn,
                channel.name,
                items[start : start + size],
                len(items),
                charset=upper.charset,
            )
            await self._send(upper, body)

    async def _pass(self, upper: Upper, channel: ChannelRecord, envelope: Envelope) -> None:
        """Ask the device, and give its answer with the upper's SN and codes."""
        if envelope.command in NEEDS_CONTROL and not upper.may(UpperRight.CONTROL):
            await self._refuse(upper, envelope, "not_permitted")
            return
        down, up = renames(upper)
        try:
            await self._devices.check(channel.device_id, envelope.command)
            question = pass_down(envelope, channel.code, down)
            answers = await self._devices.ask(channel.device_id, question, PASS_S)
        except VmsError as error:
            await self._refuse(upper, envelope, error.code)
            return
        for answer in answers:
            body = pass_up(answer, envelope.sn, envelope.device_id, up, upper.charset)
            await self._send(upper, body)

    # Refusals

    async def _refuse(self, upper: Upper, envelope: Envelope, reason: str) -> None:
        self._score.count(upper.id, "refused")
        logger.info(
            "question of an upper platform refused",
            extra={"platform": upper.id, "event": envelope.command, "reason": reason},
        )
        await self._send(upper, refusal(envelope, upper.charset))

    async def _refuse_broadcast(self, upper: Upper, envelope: Envelope) -> None:
        """Voice from above is not passed on: the upper learns it at once (2022 9.12)."""
        wanted = parse_broadcast(envelope)
        self._score.count(upper.id, "refused")
        body = build_broadcast_response(
            wanted.target_id, envelope.sn, is_ok=False, charset=upper.charset
        )
        await self._send(upper, body)

    async def _send(self, upper: Upper, body: bytes) -> None:
        await self._uplinks.send(upper.id, body)
        self._score.count(upper.id, "sent")


def renames(upper: Upper) -> tuple[Callable[[str], str], Callable[[str], str]]:
    """The upper's codes into ours, and ours into its; what is not shared keeps its code."""

    def down(code: str) -> str:
        channel = upper.channel(code)
        return channel.code if channel is not None else upper.tree.source(code) or code

    def up(code: str) -> str:
        return upper.tree.code(code) or code

    return down, up


def _item(upper: Upper, code: str) -> CatalogItem | None:
    """What the upper sees under a code; none for what is not shared."""
    if code == upper.platform.own_id:
        found = next((each for each in upper.tree.items if each.device_id == code), None)
        return found or CatalogItem(code)
    if upper.is_from_there(code):
        return None
    return next((each for each in upper.tree.items if each.device_id == code), None)


def _record(code: str, channel: ChannelRecord, item: DeviceRecording) -> RecordItem:
    return RecordItem(
        code,
        item.started_at,
        item.ended_at,
        name=item.name or channel.name,
        record_type=item.record_type or "time",
        size_bytes=item.size_bytes or None,
    )


def _wants(wanted: RecordQuery, item: RecordItem) -> bool:
    return wanted.record_type in ("all", item.record_type)
