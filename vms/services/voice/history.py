"""Broadcasts that are over: the latest in memory, all of them in the database for a while."""

import json
import logging
from collections import OrderedDict
from dataclasses import asdict
from datetime import datetime
from typing import Any

from vms.errors import VmsError
from vms.records.voice import TargetState, TargetView, VoiceKind, VoiceReason, VoiceState, VoiceView
from vms.services.store import Store
from vms.storage.device_records import BroadcastRecord
from vms.storage.queries.broadcasts import list_broadcasts, prune_broadcasts, save_broadcast

logger = logging.getLogger(__name__)

KEPT = 200
"""Broadcasts that are over and still told."""


class History:
    """`begin` once; then it knows what was said before the start."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._views: OrderedDict[str, VoiceView] = OrderedDict()
        """The oldest first."""

    @property
    def newest(self) -> int:
        """The number of the latest; 0 when there is none."""
        return max((int(number) for number in self._views), default=0)

    @property
    def views(self) -> tuple[VoiceView, ...]:
        """The latest, the newest first."""
        return tuple(reversed(self._views.values()))

    def find(self, voice_id: str) -> VoiceView | None:
        """One of the latest."""
        return self._views.get(voice_id)

    async def begin(self) -> None:
        """Read the latest."""
        for record in reversed(await self._store.run(list_broadcasts, KEPT)):
            try:
                self._views[str(record.number)] = _view(json.loads(record.facts))
            except (ValueError, TypeError, KeyError) as error:
                facts = {"id": record.number, "reason": str(error)}
                logger.warning("a broadcast cannot be read", extra=facts)

    async def add(self, view: VoiceView) -> None:
        """Keep one that is over; a talk is nobody's business later."""
        if view.kind is VoiceKind.TALK or view.ended_at is None:
            return
        self._views[view.id] = view
        while len(self._views) > KEPT:
            self._views.popitem(last=False)
        record = BroadcastRecord(int(view.id), view.ended_at, _text(view))
        try:
            await self._store.run(save_broadcast, record)
        except VmsError as error:  # the audit log has it all the same
            logger.warning("a broadcast is not kept", extra={"id": view.id, "reason": error.code})

    async def prune(self, keep_days: int, at: datetime) -> int:
        """Delete those that ended long ago; answers how many."""
        return await self._store.run(prune_broadcasts, at=at, keep_days=keep_days)


def _text(view: VoiceView) -> str:
    return json.dumps(asdict(view), default=lambda value: value.isoformat(), ensure_ascii=False)


def _view(facts: dict[str, Any]) -> VoiceView:
    targets = tuple(
        TargetView(
            **each
            | {
                "state": TargetState(each["state"]),
                "reason": VoiceReason(each["reason"]) if each["reason"] else None,
            }
        )
        for each in facts["targets"]
    )
    times = {
        name: datetime.fromisoformat(facts[name]) if facts[name] else None
        for name in ("created_at", "started_at", "ended_at")
    }
    kinds = {"kind": VoiceKind(facts["kind"]), "state": VoiceState(facts["state"])}
    return VoiceView(**facts | times | kinds | {"targets": targets})
