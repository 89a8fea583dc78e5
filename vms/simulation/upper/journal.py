"""What a pretend upper platform tells: lines for people, and the same as JSON for programs."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from sip.events import CatalogItem
from vms.errors import ConfigError

DEEPEST = 32
"""Levels of a tree that are shown; a loop of parents ends here."""


REGIONS = (4, 6, 8)
"""Digits of regions that stand below another one."""
_GROUPS = ("215", "216")


class Journal:
    """Writes to `out`, and to a file of JSON lines where one is given; `with` closes that."""

    def __init__(
        self, out: Callable[[str], None], wall: Callable[[], datetime], path: Path | None = None
    ) -> None:
        self._out = out
        self._wall = wall
        self._file: TextIO | None = None
        if path is not None:
            try:
                self._file = path.open("a", encoding="utf-8")
            except OSError as error:
                raise ConfigError("--log", str(error), "--log upper.jsonl") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def tell(self, event: str, text: str, **facts: Any) -> None:
        """Say what happened; an empty text is for programs only."""
        at = self._wall()
        if text:
            self._out(f"{at:%H:%M:%S} {text.rstrip()}")
        if self._file is not None:
            line = {"at": at.isoformat(), "event": event, **facts}
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()


def tree_lines(items: Iterable[CatalogItem]) -> list[str]:
    """A catalog as a tree; what has no known parent stands on the left."""
    known = {item.device_id: item for item in items}
    children: dict[str, list[CatalogItem]] = {}
    for item in known.values():
        region = item.device_id[:-2] if len(item.device_id) in REGIONS else ""
        named = (*item.parent_ids, item.business_group_id, region)
        parents = [p for p in named if p in known and p != item.device_id]
        # A group names its own business group beside its parent: it stands in one place.
        parents = parents[:1] if item.device_id[10:13] in _GROUPS else parents
        for parent in parents or [""]:
            children.setdefault(parent, []).append(item)
    lines: list[str] = []
    shown: set[str] = set()

    def show(item: CatalogItem, depth: int) -> None:
        state = "" if item.status_on else "  OFF"
        lines.append(f"{'  ' * depth}{item.device_id}  {item.name}{state}")
        if item.device_id in shown or depth >= DEEPEST:
            return
        shown.add(item.device_id)
        for child in children.get(item.device_id, []):
            show(child, depth + 1)

    for root in children.get("", []):
        show(root, 0)
    for item in known.values():
        if item.device_id not in shown:
            show(item, 0)
    return lines
