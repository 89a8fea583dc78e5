"""What makers do differently: the built-in table, the user's rows, and which device has which.

The user's rows live in `quirks.csv` in the data folder, so that they can be edited by hand, carried
to another site and kept under version control. Signalling asks `find` for every call it makes.
"""

import asyncio
import logging
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from channel_registry.queries.devices import device_makes
from sip.gb28181.quirks import (
    COLUMNS,
    BadRow,
    DeviceHints,
    QuirkRow,
    Quirks,
    QuirkTable,
    build_table,
    builtin_rows,
    parse_rows,
)
from vms.errors import Invalid
from vms.records import QuirkView
from vms.services.store import Store

logger = logging.getLogger(__name__)

FILE = "quirks.csv"
FIRST_LINE = 2
"""Of the rows, behind the head."""


class QuirkService:
    """Knows the table and every device's make; `begin` reads both."""

    def __init__(self, store: Store, data: Path) -> None:
        self._store = store
        self._path = data / FILE
        self._own: tuple[QuirkRow, ...] = ()
        self._builtin = builtin_rows()
        self._table = QuirkTable(self._builtin)
        self._hints: dict[str, DeviceHints] = {}
        self._agents: dict[str, str] = {}
        """User-Agent of the devices that registered."""
        self.bad: tuple[BadRow, ...] = ()
        """Lines of the user's file that are left out."""

    def rows(self) -> tuple[QuirkView, ...]:
        """The whole table: of the rows that fit a device, the last one wins."""
        builtin = (_view(row, builtin=True) for row in self._builtin)
        return (*builtin, *(_view(row, builtin=False) for row in self._own))

    async def begin(self) -> None:
        """Read the user's file and what is known of the devices."""
        text = await asyncio.to_thread(_read, self._path)
        rows, bad = parse_rows(text) if text.strip() else ([], [])
        self._use(rows)
        self.bad = tuple(bad)
        for row in bad:
            logger.warning(
                "a line of the quirk table is left out",
                extra={"path": str(self._path), "line": row.line, "reason": row.reason},
            )
        for make in await self._store.run(device_makes):
            self.note(make.device_id, make.manufacturer, make.model, make.firmware)
            self._agents[make.device_id] = make.user_agent

    def note(self, device_id: str, maker: str, model: str, firmware: str) -> None:
        """Take what a device says of itself."""
        self._hints[device_id] = DeviceHints(maker, model, firmware)

    def find(self, device_id: str, user_agent: str = "") -> Quirks:
        """What is special about a device; an unknown one is known by its User-Agent alone.

        Signalling says the User-Agent, and for the others it is remembered.
        """
        if user_agent:
            self._agents[device_id] = user_agent
        hints = self._hints.get(device_id, DeviceHints())
        return self._table.find(replace(hints, user_agent=self._agents.get(device_id, "")))

    async def replace(self, rows: Iterable[QuirkView]) -> None:
        """Put other rows in the place of the user's own; in force at once, and after a restart.

        Raises Invalid with the place and reason of the first row that cannot be.
        """
        text = build_table([getattr(row, name) for name in COLUMNS] for row in rows)
        read, bad = parse_rows(text)
        if bad:
            raise Invalid(f"rows.{bad[0].line - FIRST_LINE}", "bad_quirk", bad[0].reason)
        await asyncio.to_thread(_write, self._path, text)
        self._use(read)
        self.bad = ()

    def _use(self, rows: list[QuirkRow]) -> None:
        self._own = tuple(rows)
        self._table = QuirkTable((*self._builtin, *rows))


def _view(row: QuirkRow, *, builtin: bool) -> QuirkView:
    return QuirkView(
        row.maker,
        row.model,
        row.firmware_from,
        row.firmware_to,
        row.quirk.value,
        row.value,
        row.evidence,
        builtin,
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    """Exchange the file whole: a power cut leaves the old or the new one."""
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
