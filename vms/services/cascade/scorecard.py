"""How it goes with each upper platform: what it asked, what it got, what went wrong last.

Kept in memory since the start of the program; nothing here is written to the database.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import median

from sip.events import CatalogItem
from sip.roles.upward.terms import UplinkState, UplinkStatus
from vms.clock import Clock
from vms.errors import NotFound
from vms.metrics import Kind, Sample
from vms.records.platforms import CallFailure, CatalogDifferenceCounts, Scorecard
from vms.services.cascade.ports import Platforms, UplinkControl

KEPT_TIMES = 101
"""Of the latest calls: their median is the time to the first frame."""

BytesNow = Callable[[], int]


@dataclass(slots=True, eq=False)
class _Figures:
    """Of one platform."""

    registered_since: datetime | None = None
    sent: dict[str, CatalogItem] | None = None
    """What it was told of our catalogue and has taken; None: it has never asked."""
    sent_at: datetime | None = None
    invites: int = 0
    invites_ok: int = 0
    times_ms: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_TIMES))
    last_failure: CallFailure | None = None
    running: dict[str, BytesNow] = field(default_factory=dict)
    """Calls that send now, and how much each has sent."""
    bytes_past: int = 0
    words: Counter[str] = field(default_factory=Counter)
    """Everything else that was counted, by a constant word."""


class ScoreBook:
    """The figures of all upper platforms."""

    def __init__(self, uplinks: UplinkControl, platforms: Platforms, clock: Clock) -> None:
        self._uplinks = uplinks
        self._platforms = platforms
        self._clock = clock
        self._figures: dict[str, _Figures] = {}

    # What happens

    def count(self, platform_id: str, word: str, number: int = 1) -> None:
        """Count something under a constant word."""
        self._of(platform_id).words[word] += number

    def changed(self, status: UplinkStatus) -> None:
        """An uplink has another state."""
        figures = self._of(status.platform_id)
        if status.state is not UplinkState.REGISTERED:
            figures.registered_since = None
        elif figures.registered_since is None:
            figures.registered_since = status.since

    def told_catalog(self, platform_id: str, items: Sequence[CatalogItem], *, whole: bool) -> None:
        """An answer was taken to its last message; `whole` is not about a part of the tree."""
        figures = self._of(platform_id)
        before = {} if whole or figures.sent is None else figures.sent
        figures.sent = {**before, **{item.device_id: _bare(item) for item in items}}
        figures.sent_at = self._clock.wall()

    def told_changes(self, platform_id: str, items: Iterable[CatalogItem]) -> None:
        """A notification of changes went out."""
        figures = self._of(platform_id)
        if figures.sent is None:
            return
        for item in items:
            known = figures.sent.get(item.device_id)
            if item.event == "DEL":
                figures.sent.pop(item.device_id, None)
            elif item.event in ("ON", "OFF") and known is not None:
                figures.sent[item.device_id] = replace(known, status_on=item.event == "ON")
            elif item.event in ("ADD", "UPDATE"):
                figures.sent[item.device_id] = _bare(item)
        figures.sent_at = self._clock.wall()

    def invited(self, platform_id: str) -> None:
        """It called."""
        self._of(platform_id).invites += 1

    def failed(self, platform_id: str, channel: str, reason: str) -> None:
        """A call brought no picture, or lost it."""
        failure = CallFailure(self._clock.wall(), channel, reason)
        self._of(platform_id).last_failure = failure

    def accepted(self, platform_id: str, call_id: str, bytes_now: BytesNow) -> None:
        """A call begins to send."""
        figures = self._of(platform_id)
        figures.invites_ok += 1
        figures.running[call_id] = bytes_now

    def first_frame(self, platform_id: str, after_ms: float) -> None:
        """The first packet of a call went out, so long after its INVITE had come."""
        self._of(platform_id).times_ms.append(after_ms)

    def ended(self, platform_id: str, call_id: str) -> None:
        """A call sends no more; one that never did is fine."""
        figures = self._of(platform_id)
        bytes_now = figures.running.pop(call_id, None)
        if bytes_now is not None:
            figures.bytes_past += bytes_now()

    # What is shown

    def scorecard(self, platform_id: str) -> Scorecard:
        """How it goes with one platform."""
        figures = self._figures.get(platform_id, _Figures())
        status = self._uplinks.status(platform_id)
        shown = Scorecard(
            registered_since=figures.registered_since,
            catalog=self._difference(platform_id, figures),
            invites=figures.invites,
            invites_ok=figures.invites_ok,
            first_frame_ms=median(figures.times_ms) if figures.times_ms else None,
            last_failure=figures.last_failure,
            streams=len(figures.running),
            bytes=_bytes(figures),
        )
        if status is None:
            return shown
        return replace(
            shown,
            state=status.state.value,
            since=status.since,
            failure=status.failure,
            status=status.status,
            next_attempt_at=status.next_attempt_at,
            gb_version=status.gb_version,
        )

    def words(self, platform_id: str) -> dict[str, int]:
        """What was counted by words."""
        return dict(self._figures.get(platform_id, _Figures()).words)

    def samples(self) -> Iterable[Sample]:
        """The figures for machines."""
        for platform_id, figures in self._figures.items():
            labels = {"platform": platform_id}
            is_up = figures.registered_since is not None
            yield Sample("upper_registered", Kind.GAUGE, "1: we are registered.", is_up, labels)
            streams = len(figures.running)
            yield Sample("upper_streams", Kind.GAUGE, "Streams it gets.", streams, labels)
            sent = _bytes(figures)
            yield Sample("upper_sent_bytes_total", Kind.COUNTER, "Media sent to it.", sent, labels)
            for outcome, number in (
                ("ok", figures.invites_ok),
                ("other", figures.invites - figures.invites_ok),
            ):
                yield Sample(
                    "upper_invites_total",
                    Kind.COUNTER,
                    "Its calls.",
                    number,
                    {**labels, "outcome": outcome},
                )
            for word, number in sorted(figures.words.items()):
                yield Sample(
                    "upper_messages_total",
                    Kind.COUNTER,
                    "What it asked and was told.",
                    number,
                    {**labels, "kind": word},
                )

    # Inside

    def _of(self, platform_id: str) -> _Figures:
        return self._figures.setdefault(platform_id, _Figures())

    def keep_only(self, platform_ids: Iterable[str]) -> None:
        """Forget the others: they were removed."""
        wanted = set(platform_ids)
        for platform_id in self._figures.keys() - wanted:
            del self._figures[platform_id]

    def _difference(self, platform_id: str, figures: _Figures) -> CatalogDifferenceCounts | None:
        if figures.sent is None or figures.sent_at is None:
            return None
        try:
            self._platforms.platform(platform_id)
        except NotFound:
            return None
        now = {item.device_id: item for item in self._platforms.tree(platform_id).items}
        both = figures.sent.keys() & now.keys()
        return CatalogDifferenceCounts(
            sent_at=figures.sent_at,
            items=len(figures.sent),
            added=len(now.keys() - figures.sent.keys()),
            removed=len(figures.sent.keys() - now.keys()),
            changed=sum(figures.sent[code] != _bare(now[code]) for code in both),
        )


def _bare(item: CatalogItem) -> CatalogItem:
    """An item as a catalogue has it, without the event of a notification."""
    return replace(item, event=None) if item.event else item


def _bytes(figures: _Figures) -> int:
    return figures.bytes_past + sum(bytes_now() for bytes_now in figures.running.values())
