"""Our code -> the code that an upper platform sees, and the table that people edit. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping

from channel_registry.codes import ChannelCode
from channel_registry.errors import InvalidCode
from channel_registry.records import ChannelRecord, OrganisationKind, OrganisationRecord
from channel_registry.upper_records import CodeMap, DirectoryFacts, national_subject
from vms.records.platforms import BadCodeLine, CodeImport, CodeLine, CodeSource

CHANNEL_TYPE, GROUP_TYPE, VIRTUAL_TYPE = 132, 215, 216
COLUMNS = ("ours", "theirs", "name", "source")
MOST_LINES = 200_000
MOST_BAD = 1_000
SHOWN = 80


class CodeBook:
    """Looks codes up: given ones first, then rules, else our own or the one made for it."""

    def __init__(self, codes: CodeMap, national: Mapping[str, str]) -> None:
        self._codes = codes.codes
        self._national = national
        self._rules = sorted(codes.rules, key=lambda rule: -len(rule.ours))

    def channel(self, ours: str) -> tuple[str, CodeSource] | None:
        """The code of a channel and why; none when it has no national code yet."""
        given = self._codes.get(ours)
        if given is not None:
            return given, CodeSource.GIVEN
        if len(ours) == 20:
            source, base = CodeSource.OWN, ours
        else:
            made = self._national.get(national_subject(ours, CHANNEL_TYPE))
            if made is None:
                return None
            source, base = CodeSource.MADE, made
        theirs = self._by_rule(base)
        return (theirs, source) if theirs == base else (theirs, CodeSource.RULE)

    def device(self, device_id: str) -> str:
        """The code of a device; systems keep theirs, since paths name them."""
        return self._codes.get(device_id) or self._by_rule(device_id)

    def organisation(self, record: OrganisationRecord, type_number: int) -> str | None:
        """The code of a group or virtual organisation; none when it has none yet."""
        given = self._codes.get(record.id) or self._codes.get(record.code)
        if given is not None:
            return given
        base = record.code
        if record.kind is OrganisationKind.LOCAL:
            made = self._national.get(national_subject(record.id, type_number))
            return made
        return self._by_rule(base)

    def _by_rule(self, code: str) -> str:
        for rule in self._rules:
            if code.startswith(rule.ours):
                return rule.theirs + code[len(rule.ours) :]
        return code


def wanted_codes(facts: DirectoryFacts, *, with_groups: bool) -> dict[str, str]:
    """The first 14 digits of every code that has to be made, by `national_subject`.

    Civil code, industry (digits 9-10), type and network (14): of a camera from its own civil code
    and its device, of one of our organisations from our system. Those made already are left out.
    """
    stems: dict[str, str] = {}
    for channel in facts.channels:
        if len(channel.code) != 20:
            stems[national_subject(channel.code, CHANNEL_TYPE)] = _stem(channel, facts.server_id)
    for record in facts.organisations if with_groups else ():
        if record.kind is OrganisationKind.LOCAL:
            number = group_type(record)
            stem = f"{facts.server_id[:10]}{number}{facts.server_id[13]}"
            stems[national_subject(record.id, number)] = stem
    return {subject: stem for subject, stem in stems.items() if subject not in facts.national}


def group_type(record: OrganisationRecord) -> int:
    """One of our organisations at the root is a business group, below it a virtual one."""
    return GROUP_TYPE if record.parent_id is None else VIRTUAL_TYPE


def _stem(channel: ChannelRecord, server_id: str) -> str:
    carrier = channel.device_id if len(channel.device_id) == 20 else server_id
    centre = f"{channel.civil_code or carrier[:8]:0<8}"
    return f"{centre}{carrier[8:10]}{CHANNEL_TYPE}{carrier[13]}"


def shortest_civil_code(told: str) -> str:
    """A civil code without empty lower levels: many write province 34 as 340000."""
    while len(told) > 2 and told.endswith("00"):
        told = told[:-2]
    return told


def is_code(text: str) -> bool:
    """20 digits."""
    try:
        ChannelCode(text)
    except InvalidCode:
        return False
    return True


def build_csv(lines: Iterable[CodeLine]) -> str:
    """The table of codes, with a head line; a formula of a spreadsheet stays text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in lines:
        name = f"'{line.name}" if line.name[:1] in ("=", "+", "-", "@", "\t", "\r") else line.name
        # A leading tab keeps spreadsheets from rounding 20 digits to 15.
        writer.writerow([f"\t{line.ours}", f"\t{line.theirs}", name, line.source.value])
    return out.getvalue()


def read_csv(data: bytes, known: Mapping[str, str]) -> tuple[dict[str, str], CodeImport]:
    """Read a table; `known` are our codes with the code each would have without being given one.

    Answers the codes to be given, and every line that cannot be, with the reason: `columns`,
    `unreadable`, `unknown`, `bad_code`, `twice`, `same_code`, `too_many`.
    """
    reading = _Reading(known)
    text = _decode(data)
    if text is None:
        return {}, CodeImport(0, (BadCodeLine(1, "unreadable", ""),))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        reading.head(next(rows, []))
        for row in rows:
            if any(cell.strip() for cell in row):
                reading.line(rows.line_num, row)
    except csv.Error:
        reading.bad_line(rows.line_num, "unreadable", "")
    return reading.result()


class _Reading:
    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known
        self._columns: tuple[int, int] | None = None
        self._seen: dict[str, int] = {}
        self._taken: dict[str, str] = {}
        self._given: dict[str, str] = {}
        self._bad: list[BadCodeLine] = []

    def head(self, row: list[str]) -> None:
        names = [cell.strip().lower() for cell in row]
        if "ours" in names and "theirs" in names:
            self._columns = names.index("ours"), names.index("theirs")
        else:
            self.bad_line(1, "columns", ",".join(row))

    def line(self, number: int, row: list[str]) -> None:
        if self._columns is None:
            return
        text = ",".join(row)
        cells = [row[at].strip().lstrip("'") if at < len(row) else "" for at in self._columns]
        ours, theirs = cells
        if len(self._seen) >= MOST_LINES:
            reason = "too_many"
        else:
            reason = self._fault(ours, theirs)
        if reason:
            self.bad_line(number, reason, text)
            return
        self._seen[ours] = number
        self._taken[theirs] = ours
        if theirs != self._known[ours]:
            self._given[ours] = theirs

    def _fault(self, ours: str, theirs: str) -> str:
        if ours not in self._known:
            return "unknown"
        if not is_code(theirs):
            return "bad_code"
        if ours in self._seen:
            return "twice"
        return "same_code" if theirs in self._taken else ""

    def bad_line(self, number: int, reason: str, text: str) -> None:
        if len(self._bad) < MOST_BAD:
            self._bad.append(BadCodeLine(number, reason, text[:SHOWN]))

    def result(self) -> tuple[dict[str, str], CodeImport]:
        return self._given, CodeImport(len(self._seen), tuple(self._bad))


def _decode(data: bytes) -> str | None:
    """Spreadsheets of Windows write GB18030 where they are not asked for UTF-8."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)
