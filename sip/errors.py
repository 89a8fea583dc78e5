"""Everything the package raises.

SipError
├── LocalProtocolError       our own code asked for something the protocol forbids
│   └── TooManyTransactions  a bounded table is full; try later
└── RemoteProtocolError      the peer did; `.status` is the answer it deserves
    ├── MalformedMessage     bytes that are no SIP message, or a header value that is none
    └── MalformedDigest      an Authorization or WWW-Authenticate value that cannot be used

A parser raises nothing else, whatever the input.
"""

from collections.abc import Sequence

EXCERPT_BYTES = 32
"""Offending input that an error carries: enough to recognise it, too little to flood logs."""


class SipError(Exception):
    """Root of the package's errors."""


class LocalProtocolError(SipError):
    """Our side broke the protocol; a defect of the caller, nothing was sent."""


class TooManyTransactions(LocalProtocolError):
    """No room for one more client transaction."""


class RemoteProtocolError(SipError):
    """The peer broke the protocol."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        """The status code this deserves as an answer."""


class MalformedMessage(RemoteProtocolError):
    """Input that is not the SIP it should be.

    `reason` is a constant text (it labels counters), `data` at most 32 offending bytes, `offset`
    where they start in the input as far as known (else 0). `start_line` and `head` are what was
    read before the error, so that a request can still be answered; empty where nothing was.
    """

    def __init__(
        self,
        reason: str,
        data: bytes | str = b"",
        offset: int = 0,
        *,
        status_hint: int = 400,
    ) -> None:
        super().__init__(reason, status_hint)
        if isinstance(data, str):
            data = _encode(data[:EXCERPT_BYTES])
        self.data = data[:EXCERPT_BYTES]
        self.offset = offset
        self.head: Sequence[tuple[str, str]] = ()
        self.start_line = ""

    @property
    def status_hint(self) -> int:
        """The status code of the answer, where the input was a request."""
        return self.status

    def __str__(self) -> str:
        return f"{self.reason} at {self.offset}: {self.data!r}"


class MalformedDigest(MalformedMessage):
    """A digest header value that cannot be used.

    `status_hint` 400: broken syntax. 401: understandable, but not a scheme or algorithm we check,
    so the peer should be challenged again.
    """


def _encode(text: str) -> bytes:
    """Return the octets of an excerpt; text of ours may hold surrogates that no parser made."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")
