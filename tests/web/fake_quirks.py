from collections.abc import Iterable
from dataclasses import replace

from sip.gb28181.quirks import BadRow
from vms.errors import Invalid
from vms.records import QuirkView

BUILTIN = QuirkView("maker", "", "", "", "playback_limit", "2", "a capture", True)


class FakeQuirks:
    def __init__(self) -> None:
        self.own: tuple[QuirkView, ...] = ()
        self.bad: tuple[BadRow, ...] = ()

    def rows(self) -> tuple[QuirkView, ...]:
        return (BUILTIN, *self.own)

    async def replace(self, rows: Iterable[QuirkView]) -> None:
        found = tuple(replace(row, builtin=False) for row in rows)
        if any(row.quirk == "no_such" for row in found):
            raise Invalid("rows.0", "bad_quirk", "unknown quirk")
        self.own = found
