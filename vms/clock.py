"""The only reader of time in `vms`: monotonic seconds and aware UTC wall time.

Services take a `Clock`; tests give one that they turn by hand.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a service reads time."""

    def now(self) -> float:
        """Monotonic seconds; never jumps when somebody sets the clock."""

    def wall(self) -> datetime:
        """Wall time, aware, UTC."""


class SystemClock:
    """The clock of the machine."""

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def wall(self) -> datetime:
        """Wall time, aware, UTC."""
        return datetime.now(UTC)
