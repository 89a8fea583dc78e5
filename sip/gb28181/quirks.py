"""What makers do differently, as a table that people can edit; no other module names a maker.

A row says for which maker, model and firmware a quirk holds and where the knowledge comes from.
The built-in rows are `quirks.csv` beside this module; rows of the user's come after them and win.
What every device may do wrong (a raw `&`, a missing y=) is no quirk here: it is always tolerated.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from sip.message.sdp import StreamChoice

COLUMNS = ("maker", "model", "firmware_from", "firmware_to", "quirk", "value", "evidence")
MOST_ROWS = 10_000
LONGEST_FIELD = 512
WORDS_BETWEEN = "|"


class Quirk(StrEnum):
    """One way in which devices differ; the value's form is in VALUES."""

    SUB_STREAM = "sub_stream"
    """a= of the offer that asks for the sub stream (5.5)."""
    PLAYBACK_FORM = "playback_form"
    """How the body of INFO is written so that the device takes it (quirk 49)."""
    PLAYBACK_LIMIT = "playback_limit"
    """Recordings it plays at once (quirk 53)."""
    RECORD_SPAN_H = "record_span_h"
    """Longest time range of one RecordInfo query it answers properly, in hours."""
    MEDIA_TRANSPORT = "media_transport"
    """The transport that is tried first."""
    VOICE_TRANSPORT = "voice_transport"
    """The transport that voice to the device uses (quirk 46)."""
    VOICE_PACKET_MS = "voice_packet_ms"
    """Length of a voice packet in milliseconds (quirk 46)."""
    VOICE_PACKING = "voice_packing"
    """Whether voice is sent as plain G.711 or inside PS."""
    PES_BYTES = "pes_bytes"
    """Longest PES packet it takes from us."""
    CONFIG_TARGET = "config_target"
    """Whose code a BasicParam question must name (quirk 25)."""
    CONFIG_RESTARTS = "config_restarts"
    """BasicParam makes it drop its registration and restart (quirk 25)."""
    CATALOG_STATES = "catalog_states"
    """Whether the states in its catalog notifications are worth anything."""
    ALARM_NEEDS_GUARD = "alarm_needs_guard"
    """It reports alarms only after SetGuard."""
    HOME_PRESET = "home_preset"
    """Whether it heeds the preset number of HomePosition."""


_NUMBER = re.compile(r"[0-9]{1,6}")
_YES_NO = re.compile(r"yes|no")
VALUES: Mapping[Quirk, re.Pattern[str]] = {
    Quirk.SUB_STREAM: re.compile(r"[A-Za-z]{1,32}:[A-Za-z0-9]{1,16}|none"),
    Quirk.PLAYBACK_FORM: re.compile(r"standard|one_decimal|mansrtsp|with_range"),
    Quirk.PLAYBACK_LIMIT: _NUMBER,
    Quirk.RECORD_SPAN_H: _NUMBER,
    Quirk.MEDIA_TRANSPORT: re.compile(r"udp|tcp-passive|tcp-active"),
    Quirk.VOICE_TRANSPORT: re.compile(r"udp|tcp"),
    Quirk.VOICE_PACKET_MS: re.compile(r"20|40|60|80|100|120|140|160|180"),
    Quirk.VOICE_PACKING: re.compile(r"plain|ps"),
    Quirk.PES_BYTES: _NUMBER,
    Quirk.CONFIG_TARGET: re.compile(r"device|channel"),
    Quirk.CONFIG_RESTARTS: _YES_NO,
    Quirk.CATALOG_STATES: re.compile(r"trusted|ignored"),
    Quirk.ALARM_NEEDS_GUARD: _YES_NO,
    Quirk.HOME_PRESET: re.compile(r"heeded|ignored"),
}
"""What a value must look like."""

STANDARD: Mapping[Quirk, str] = {
    Quirk.SUB_STREAM: "streamnumber:1",
    Quirk.PLAYBACK_FORM: "standard",
    Quirk.PLAYBACK_LIMIT: "4",
    Quirk.RECORD_SPAN_H: "744",
    Quirk.MEDIA_TRANSPORT: "",
    Quirk.VOICE_TRANSPORT: "udp",
    Quirk.VOICE_PACKET_MS: "40",
    Quirk.VOICE_PACKING: "plain",
    Quirk.PES_BYTES: "65400",
    Quirk.CONFIG_TARGET: "device",
    Quirk.CONFIG_RESTARTS: "no",
    Quirk.CATALOG_STATES: "trusted",
    Quirk.ALARM_NEEDS_GUARD: "no",
    Quirk.HOME_PRESET: "heeded",
}
"""What holds for a device that no row names; `sub_stream` is of 2022 annex G."""


@dataclass(frozen=True, slots=True)
class DeviceHints:
    """What is known of a device; each text may be empty."""

    maker: str = ""
    model: str = ""
    firmware: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class QuirkRow:
    """One line of the table."""

    maker: str
    """Words joined by `|`, any of which stands in the maker's name or the User-Agent; "" is all."""
    model: str
    """Pattern with `*` and `?`; "" is every model."""
    firmware_from: str
    firmware_to: str
    """The range of firmware, both ends inside; "" is open."""
    quirk: Quirk
    value: str
    evidence: str
    """Where the knowledge comes from, or whose capture proves it."""

    def fits(self, hints: DeviceHints) -> bool:
        """Whether the row speaks of such a device."""
        text = f"{hints.maker} {hints.user_agent}".lower()
        words = [word.strip().lower() for word in self.maker.split(WORDS_BETWEEN)]
        if self.maker and not any(word in text for word in words if word):
            return False
        if self.model and not fnmatchcase(hints.model.lower(), self.model.lower()):
            return False
        if not self.firmware_from and not self.firmware_to:
            return True
        version = _version(hints.firmware)
        if not version:
            return False
        above = not self.firmware_from or version >= _version(self.firmware_from)
        return above and (not self.firmware_to or version <= _version(self.firmware_to))


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that is left out, and why."""

    line: int
    reason: str


class Quirks:
    """How to speak to one device: the standard, changed by the rows that fit."""

    def __init__(self, rows: Iterable[QuirkRow] = ()) -> None:
        self.rows = {row.quirk: row for row in rows}
        """The row in force for each quirk; none for those by the standard."""

    def text(self, quirk: Quirk) -> str:
        """The value in force."""
        row = self.rows.get(quirk)
        return STANDARD[quirk] if row is None else row.value

    def given(self, quirk: Quirk) -> str | None:
        """The value that a row gives; None where the standard, or the configuration, holds."""
        row = self.rows.get(quirk)
        return None if row is None else row.value

    def is_set(self, quirk: Quirk) -> bool:
        """Whether a quirk that is yes or no is there."""
        return self.text(quirk) == "yes"

    def number(self, quirk: Quirk) -> int:
        """The value in force of a quirk that is a number."""
        return int(self.text(quirk))

    def stream_attribute(self, stream: StreamChoice) -> str | None:
        """The a= value for a sub stream; main is what every device sends without being asked."""
        value = self.text(Quirk.SUB_STREAM)
        return None if stream == "main" or value == "none" else value


class QuirkTable:
    """All rows; later ones win."""

    def __init__(self, rows: Iterable[QuirkRow]) -> None:
        self.rows = tuple(rows)

    def find(self, hints: DeviceHints) -> Quirks:
        """What is special about a device."""
        return Quirks(row for row in self.rows if row.fits(hints))


QuirkFinder = Callable[[str, str], Quirks]
"""From device id and User-Agent to what is special about the device."""


DeviceQuirks = Callable[[str], Quirks]
"""The same from the device's id alone: for those who do not see its messages."""


def none_known(device_id: str) -> Quirks:
    """Take every device for one by the standard."""
    return Quirks()


def by_user_agent(device_id: str, user_agent: str) -> Quirks:
    """Find by the built-in table and what the device says in its REGISTER."""
    return QuirkTable(builtin_rows()).find(DeviceHints(user_agent=user_agent))


def parse_rows(text: str) -> tuple[list[QuirkRow], list[BadRow]]:
    """Read a table with a head line; bad lines are left out and told."""
    found: list[QuirkRow] = []
    bad: list[BadRow] = []
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        return [], [BadRow(1, f"the head line lacks {', '.join(missing)}")]
    try:
        for fields in reader:
            row = _read_row(fields)
            if isinstance(row, QuirkRow):
                found.append(row)
            else:
                bad.append(BadRow(reader.line_num, row))
            if len(found) + len(bad) >= MOST_ROWS:
                bad.append(BadRow(reader.line_num, f"more than {MOST_ROWS} lines"))
                break
    except csv.Error as error:
        bad.append(BadRow(reader.line_num, str(error)))
    return found, bad


def build_table(rows: Iterable[Sequence[str]]) -> str:
    """Write a table that `parse_rows` reads; a row has the texts of COLUMNS."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue()


@cache
def builtin_rows() -> tuple[QuirkRow, ...]:
    """The rows that come with the product."""
    text = files("sip.gb28181").joinpath("quirks.csv").read_text(encoding="utf-8")
    rows, bad = parse_rows(text)
    assert not bad, bad  # ours; a test reads them too
    return tuple(rows)


def _read_row(fields: Mapping[str, str | None]) -> QuirkRow | str:
    """A row, or what is wrong with it."""
    values = {name: (fields[name] or "").strip() for name in COLUMNS}
    longest = max(values, key=lambda name: len(values[name]))
    if len(values[longest]) > LONGEST_FIELD:
        return f"{longest} is longer than {LONGEST_FIELD} characters"
    try:
        quirk = Quirk(values["quirk"])
    except ValueError:
        return f"unknown quirk {values['quirk']!r}; known: {', '.join(Quirk)}"
    if not VALUES[quirk].fullmatch(values["value"]):
        return f"{quirk} cannot be {values['value']!r}; it must match {VALUES[quirk].pattern}"
    if not values["evidence"]:
        return "evidence is empty: say where this is known from"
    return QuirkRow(**{**values, "quirk": quirk})  # type: ignore[arg-type]  # one key differs


def _version(text: str) -> tuple[int, ...]:
    """The first run of dotted numbers: `V5.7.12 build 220819` is (5, 7, 12)."""
    found = re.search(r"[0-9]+(?:\.[0-9]+)*", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
