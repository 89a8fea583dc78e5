"""Carries the engine's news to whoever waits for them: one descriptor for all streams."""

from collections.abc import Callable
from typing import Any

from stream_relay.engine._hub import Hub

Listener = Callable[..., None]


class Switchboard:
    """Readers by their number, and listeners by the name and subject of an event."""

    def __init__(self, hub: Hub | None = None) -> None:
        self.hub = hub if hub is not None else Hub()
        self._readers: dict[int, Callable[[], None]] = {}
        self._listeners: dict[tuple[str, Any], Listener] = {}

    def connect(self, number: int, wake: Callable[[], None]) -> None:
        """Call `wake` when the reader of this number can take something."""
        self._readers[number] = wake

    def disconnect(self, number: int) -> None:
        """Forget a reader; idempotent."""
        self._readers.pop(number, None)

    def listen(self, event: str, subject: Any, listener: Listener) -> None:
        """Call `listener` with what follows the subject in each such event."""
        self._listeners[event, subject] = listener

    def forget(self, event: str, subject: Any) -> None:
        """Stop listening; idempotent."""
        self._listeners.pop((event, subject), None)

    def deliver(self) -> None:
        """Take the news and pass them on; to be called when the hub's descriptor is readable."""
        events, ready = self.hub.take()
        # A source may bring its first picture with its first packets: it is told of before that.
        events.sort(key=lambda event: event[0] != "source")
        for name, subject, *rest in events:
            listener = self._listeners.get((name, subject))
            if listener is not None:
                listener(*rest)
        for number in ready:
            wake = self._readers.get(number)
            if wake is not None:
                wake()
