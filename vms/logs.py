"""Log lines for people or for machines: a constant sentence, then its facts as `key=value`."""

import json
import logging
import sys
from datetime import datetime
from typing import TextIO
from zoneinfo import ZoneInfo

from vms.config_sections import LogSection
from vms.config_values import LogFormat

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_NEEDS_QUOTES = frozenset(' "=\\')


def facts(record: logging.LogRecord) -> dict[str, object]:
    """The fields given as `extra`, in the order given."""
    return {key: value for key, value in record.__dict__.items() if key not in _STANDARD}


class TextFormatter(logging.Formatter):
    """One line per record: local time, level, sentence, facts, module."""

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self._zone = zone

    def format(self, record: logging.LogRecord) -> str:
        """Build the line; a traceback follows on lines of its own."""
        at = datetime.fromtimestamp(record.created, self._zone)
        parts = [
            at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03d}",
            f"{record.levelname:7}",
            one_line(record.getMessage()),
            *(f"{key}={_quoted(value)}" for key, value in facts(record).items()),
            f"({record.name})",
        ]
        line = " ".join(parts)
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self._zone = zone

    def format(self, record: logging.LogRecord) -> str:
        """Build the object: at, level, module, message, facts, traceback."""
        entry: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, self._zone).isoformat(),
            "level": record.levelname.lower(),
            "module": record.name,
            "message": record.getMessage(),
            **facts(record),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def set_up_logs(settings: LogSection, zone: ZoneInfo, stream: TextIO | None = None) -> None:
    """Write the records of all modules to standard error (or `stream`) from now on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    formatter = JsonFormatter if settings.format is LogFormat.JSON else TextFormatter
    handler.setFormatter(formatter(zone))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    logging.getLogger("apscheduler").setLevel(logging.WARNING)


def one_line(text: str) -> str:
    """Text without control characters, so that a peer cannot write log lines of its own."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _quoted(value: object) -> str:
    text = one_line(str(value))
    if text and not _NEEDS_QUOTES.intersection(text):
        return text
    return json.dumps(text, ensure_ascii=False)
