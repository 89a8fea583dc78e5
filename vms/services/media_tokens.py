"""Tokens in the address of a live picture, for players that send no header and no cookie.

A token names a session, a channel (or all) and an end; with the session it is worth nothing.
Form: base64url of `end|channel|session`, a dot, base64url of its HMAC-SHA-256.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vms.errors import Denied
from vms.records import Identity, MediaToken
from vms.secrets import Secrets

PURPOSE = "media-tokens"
LONGEST = 512


@dataclass(frozen=True, slots=True)
class Grant:
    """What a valid token says."""

    session: str
    channel: str


class MediaTokens:
    """Issues and reads tokens."""

    def __init__(self, secrets: Secrets, lifetime_s: int) -> None:
        self._secrets = secrets
        self._lifetime_s = lifetime_s

    def issue(self, identity: Identity, channel: str, at: datetime) -> MediaToken:
        """A token for a channel, or for all when empty; it ends with the session at the latest."""
        end = min(at + timedelta(seconds=self._lifetime_s), identity.expires_at)
        message = f"{int(end.timestamp())}|{channel}|{identity.session}".encode()
        signature = self._secrets.sign(message, PURPOSE)
        return MediaToken(f"{_text(message)}.{_text(signature)}", end)

    def read(self, token: str, channel: str, at: datetime) -> Grant:
        """What a token grants; raises Denied(unauthenticated) unless it is ours, fits and lasts."""
        message, signature = _parts(token)
        if not self._secrets.is_signed(message, signature, PURPOSE):
            raise Denied("unauthenticated")
        end, granted, session = message.decode().split("|")
        if datetime.fromtimestamp(int(end), UTC) <= at or granted not in ("", channel):
            raise Denied("unauthenticated")
        return Grant(session, granted)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _parts(token: str) -> tuple[bytes, bytes]:
    message, _, signature = token[:LONGEST].partition(".")
    try:
        return _bytes(message), _bytes(signature)
    except (binascii.Error, ValueError) as error:
        raise Denied("unauthenticated") from error


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
