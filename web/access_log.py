"""The access log: one line of facts per request, never a token.

The query string is where players must put their token, so it is written with every secret masked.
"""

import logging
import re

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

SECRET_NAMES = frozenset({"token", "access_token", "password", "secret", "key"})
SECRET_PATH = re.compile(r"(/snapshot-uploads/)[^/?]+")
"""Cameras add a file name to the address they are given, so its secret stands in the path."""
MASK = "***"
LONGEST = 300
POLLED = frozenset({"/healthz", "/metrics"})
"""Machines ask these every few seconds; their lines would hide the others."""


def masked_path(request: web.BaseRequest) -> str:
    """Path and query with secret values replaced, cut at `LONGEST` characters."""
    url = request.rel_url
    query = [
        (name, MASK if name.lower() in SECRET_NAMES else value) for name, value in url.query.items()
    ]
    written = str(url.with_query(query) if query else url.with_query(None))
    return SECRET_PATH.sub(rf"\g<1>{MASK}", written)[:LONGEST]


def _level(request: web.BaseRequest, response: web.StreamResponse) -> int:
    """What was only read is for the curious; who watched, changed or failed is for everyone."""
    if response.status >= 500:
        return logging.WARNING
    was_read = request.method in ("GET", "HEAD") and response.status < 400
    if request.path in POLLED or (was_read and not request.path.startswith("/live/")):
        return logging.DEBUG
    return logging.INFO


class AccessLogger(AbstractAccessLogger):
    """Writes to the logger that the runner was given, as fields behind a constant sentence."""

    @property
    def enabled(self) -> bool:
        """Whether somebody reads these lines."""
        return self.logger.isEnabledFor(logging.WARNING)

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Log one finished exchange; `time` is its length in seconds."""
        self.logger.log(
            _level(request, response),
            "Answered a request",
            extra={
                "peer": request.remote,
                "method": request.method,
                "path": masked_path(request),
                "status": response.status,
                "bytes": response.body_length,
                "elapsed_ms": round(time * 1000),
            },
        )
