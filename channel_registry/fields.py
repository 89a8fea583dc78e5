"""Column types that mean the same in SQLite and in PostgreSQL.

Times are whole microseconds since 1970 in UTC, as 64-bit integers: both databases sort, subtract
and add them alike, and no driver can turn an aware time into a naive one.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from peewee import BigIntegerField, TextField

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970; refuses naive times, which could mean anything."""
    if moment.tzinfo is None:
        raise ValueError("a stored time needs a zone")
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The aware UTC time of a stored number."""
    return _EPOCH + timedelta(microseconds=value)


class UtcField(BigIntegerField):
    """An aware datetime in UTC, stored as microseconds since 1970."""

    def db_value(self, value: Any) -> Any:
        """Python value to column value."""
        return to_microseconds(value) if isinstance(value, datetime) else value

    def python_value(self, value: Any) -> Any:
        """Column value to Python value."""
        return None if value is None else from_microseconds(value)


class JsonTextField(TextField):
    """A JSON value, stored as compact text."""

    def db_value(self, value: Any) -> Any:
        """Python value to column value."""
        if value is None:
            return None
        plain = dict(value) if isinstance(value, Mapping) else value
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))

    def python_value(self, value: Any) -> Any:
        """Column value to Python value."""
        return None if value is None else json.loads(value)
