"""What devices have recorded: asked for once, remembered for a while, with progress.

A search goes on whether or not somebody waits for it; whoever asks again meanwhile sees what has
come so far.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from sip.gb28181.question import QueryFailed, Question
from sip.gb28181.quirks import DeviceQuirks, Quirk, none_known
from sip.gb28181.record_info import RecordCollection, RecordItem, RecordQuery, ask_record_info
from sip.server import PeerUnreachable, SipError
from vms.clock import Clock
from vms.config_sections import PlaybackSection
from vms.errors import NotReady
from vms.records import DeviceRecording, LiveReason, RecordingSearch, SearchState
from vms.services.live.ports import Routes
from vms.services.playback import check_window

logger = logging.getLogger(__name__)

LONGEST = timedelta(days=31)
DAY = timedelta(days=1)
KEPT = 256
FRESH_S, STABLE_S, FAILED_S = 20.0, 600.0, 3.0
"""How long an answer counts: one that reaches to now, one of the past, and a failure."""
LONGEST_SEARCH_S = 90.0

AnswerT = TypeVar("AnswerT")


class Signalling(Protocol):
    """The part of `sip.server.SipServer` that asks."""

    def is_registered(self, device_id: str) -> bool:
        """Whether the device can be reached now."""

    async def ask(
        self, device_id: str, question: Question[AnswerT], timeout_s: float | None = None
    ) -> AnswerT:
        """Raises PeerUnreachable, QueryFailed."""


Key = tuple[str, datetime, datetime]
Span = tuple[datetime, datetime]


@dataclass(slots=True, eq=False)
class _Search:
    """The questions to a device for one stretch; `reason` and `done` tell their end."""

    spans: tuple[Span, ...]
    """One question each: some devices cannot answer for long."""
    collections: list[RecordCollection] = field(default_factory=list)
    """The answers of the spans that were asked for."""
    done: asyncio.Event = field(default_factory=asyncio.Event)
    valid_until: float = float("inf")
    reason: str = ""
    detail: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether every span was answered in full."""
        answered = len(self.collections) == len(self.spans)
        return answered and all(each.is_complete for each in self.collections)

    def items(self) -> tuple[RecordItem, ...]:
        """What is there so far; a recording across two spans, told twice, counts once."""
        found = {
            (item.start, item.end, item.file_path): item
            for each in self.collections
            for item in each.items()
        }
        return tuple(sorted(found.values(), key=lambda item: (item.start, item.end)))

    def expected(self) -> int:
        """How many recordings the device says there are, as far as it was asked."""
        doubled = sum(map(len, self.collections)) - len(self.items())
        return sum(each.sum_num or 0 for each in self.collections) - doubled


class DeviceRecordingService:
    """Searches devices; `run` must be running."""

    def __init__(
        self,
        signalling: Signalling,
        routes: Routes,
        settings: PlaybackSection,
        clock: Clock,
        quirks: DeviceQuirks = none_known,
    ) -> None:
        self._quirks = quirks
        self._signalling = signalling
        self._routes = routes
        self._settings = settings
        self._clock = clock
        self._searches: OrderedDict[Key, _Search] = OrderedDict()
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await asyncio.Event().wait()
        finally:
            self._group = None

    async def search(
        self,
        code: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        wait_s: float = 0.0,
        anew: bool = False,
    ) -> RecordingSearch:
        """What the device says, or has said up to now; waits for its end at most `wait_s`.

        Without an end it is this minute, without a start a day before. `anew` forgets an answer
        that is remembered. Raises NotFound(channel), Invalid.
        """
        end = end or self._clock.wall().replace(second=0)
        start = start or end - DAY
        check_window(start, end, LONGEST, self._clock.wall())
        target = await self._routes.find(code)
        if self._group is None:
            raise NotReady(retry_after_s=1.0)
        key = (code, start.replace(microsecond=0), end.replace(microsecond=0))
        search = self._searches.get(key)
        now = asyncio.get_running_loop().time()
        if search is None or search.valid_until <= now or (anew and search.done.is_set()):
            longest = timedelta(hours=self._longest_h(target.device_id))
            search = self._searches[key] = _Search(tuple(_spans(*key[1:], longest)))
            self._searches.move_to_end(key)
            self._group.create_task(self._ask(key, search, target.device_id))
            self._forget_oldest()
        try:
            async with asyncio.timeout(wait_s):
                await search.done.wait()
        except TimeoutError:
            logger.debug("search goes on", extra={"channel": code})
        return _view(key, search)

    async def _ask(self, key: Key, search: _Search, device_id: str) -> None:
        code, _, end = key
        try:
            async with asyncio.timeout(LONGEST_SEARCH_S):
                for span in search.spans:
                    if not self._signalling.is_registered(device_id):
                        raise PeerUnreachable("not registered")
                    collection = RecordCollection()
                    search.collections.append(collection)
                    question = ask_record_info(RecordQuery(code, *span), collection)
                    await self._signalling.ask(device_id, question, self._settings.search_timeout_s)
        except (SipError, TimeoutError) as error:
            search.reason, search.detail = self._reason(error, device_id), str(error)
            logger.info(
                "search on the device failed",
                extra={"channel": code, "device": device_id, "reason": str(error)},
            )
        finally:
            search.valid_until = asyncio.get_running_loop().time() + self._lifetime_s(search, end)
            search.done.set()

    def _longest_h(self, device_id: str) -> int:
        return max(self._quirks(device_id).number(Quirk.RECORD_SPAN_H), 1)

    def _reason(self, error: Exception, device_id: str) -> str:
        if not self._signalling.is_registered(device_id):
            return LiveReason.DEVICE_OFFLINE.value
        is_silent = isinstance(error, PeerUnreachable | TimeoutError)
        is_refusal = isinstance(error, QueryFailed) and "refused" in str(error)
        return "search_refused" if is_refusal and not is_silent else "search_unanswered"

    def _lifetime_s(self, search: _Search, end: datetime) -> float:
        if search.reason:
            return FAILED_S
        return FRESH_S if end >= self._clock.wall() - timedelta(minutes=30) else STABLE_S

    def _forget_oldest(self) -> None:
        for key in list(self._searches)[: max(0, len(self._searches) - KEPT)]:
            if self._searches[key].done.is_set():
                del self._searches[key]


def _spans(start: datetime, end: datetime, longest: timedelta) -> Iterator[Span]:
    while start < end:
        yield start, min(start + longest, end)
        start += longest


def _view(key: Key, search: _Search) -> RecordingSearch:
    code, start, end = key
    state = SearchState.SEARCHING
    if search.done.is_set():
        state = SearchState.COMPLETE if search.is_complete else SearchState.PARTIAL
        has_news = any(each.packets for each in search.collections)
        state = SearchState.FAILED if search.reason and not has_news else state
    return RecordingSearch(
        code,
        start,
        end,
        state,
        tuple(_recording(code, item) for item in search.items()),
        search.expected(),
        search.reason if state is SearchState.FAILED else "",
        search.detail if state is SearchState.FAILED else "",
    )


def _recording(code: str, item: RecordItem) -> DeviceRecording:
    """Devices may answer with their own id in an item: the channel asked for is what counts."""
    return DeviceRecording(
        code, item.start, item.end, item.name, item.record_type, item.size_bytes or 0
    )
