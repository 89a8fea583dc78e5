"""Time on the wire: the Date header, and what a device's own clock says (GB/T 28181-2022 9.10).

Local Beijing time without a zone is the standard's form, unlike the RFC 1123 date of RFC 3261.
Devices send either; what cannot be read is passed over.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LONGEST_DATE = 64

_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ]+(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d{1,6})\d*)?"
    r"[ ]*(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)


def find_zone(name: str) -> tzinfo:
    """Return a zone; Beijing time, which has no summer time, also where the system has no table."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return timezone(timedelta(hours=8))


def format_date(wall: datetime, zone: tzinfo) -> str:
    """Write the Date of a 200 to REGISTER: local, milliseconds, no zone (2022 9.10)."""
    return wall.astimezone(zone).replace(tzinfo=None).isoformat(timespec="milliseconds")


def read_offset(text: str, wall: datetime, zone: tzinfo) -> float | None:
    """Return by how many seconds a peer's clock is fast; negative: slow; None: not a time.

    A zone that a device writes may be a mere ornament (`Z` or `GMT` behind local time), so both
    readings are tried and the one nearer to our own clock counts.
    """
    times = _readings(text.strip()[:LONGEST_DATE], zone)
    offsets = [(each - wall).total_seconds() for each in times]
    return min(offsets, key=abs, default=None)


def _readings(text: str, zone: tzinfo) -> list[datetime]:
    try:
        read = parse_iso(text) or parsedate_to_datetime(text)
        readings = [read.replace(tzinfo=zone).astimezone(UTC)]
        if read.tzinfo is not None:
            readings.append(read.astimezone(UTC))
    except (ValueError, OverflowError, TypeError, IndexError):
        return []
    return readings


def parse_iso(text: str) -> datetime | None:
    """Read local time with or without zone, zeros and fractions; None if it is none.

    Raises ValueError for a day or an hour that does not exist.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[n]) for n in range(1, 7))
    micros = int((match[7] or "0").ljust(6, "0"))
    # A leap second does not exist in datetime; the last one before it is near enough.
    clock = time(hour, minute, min(second, 59), micros)
    zone = None if match[8] is None else _zone_of(match[8])
    return datetime.combine(date(year, month, day), clock, zone)


def _zone_of(text: str) -> timezone:
    if text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    digits = text[1:].replace(":", "")
    return timezone(sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))
