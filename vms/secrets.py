"""The installation's own key: made once, kept in `data/secret.key`, never shown.

One master key is stored; each use gets its own key derived from it (HKDF, RFC 5869), so that
a signature for one purpose is never valid for another.
"""

import base64
import hashlib
import hmac
import os
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vms.errors import ConfigError
from vms.ids import random_bytes

KEY_BYTES = 32
KEY_FILE = "secret.key"


class Secrets:
    """Encrypts device passwords and signs tokens with keys derived from one master key."""

    def __init__(self, data: Path) -> None:
        self._master = _load_or_create(data / KEY_FILE)
        self._fernet = Fernet(base64.urlsafe_b64encode(self.key("device-passwords")))

    def key(self, purpose: str) -> bytes:
        """The 32-byte key of one purpose."""
        kdf = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"fengsui-vms/" + purpose.encode())
        return kdf.derive(self._master)

    def encrypt(self, text: str) -> str:
        """An opaque token that `decrypt` opens."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def decrypt(self, token: str) -> str:
        """The text of a token; raises ConfigError when another key made it."""
        try:
            return self._fernet.decrypt(token.encode("ascii")).decode()
        except InvalidToken as error:
            raise ConfigError(
                f"data/{KEY_FILE}",
                "stored device passwords were encrypted with another key",
                "restore secret.key from the backup that belongs to this database",
            ) from error

    def sign(self, message: bytes, purpose: str = "tokens") -> bytes:
        """HMAC-SHA-256 of a message under the key of a purpose."""
        return hmac.digest(self.key(purpose), message, hashlib.sha256)

    def is_signed(self, message: bytes, signature: bytes, purpose: str = "tokens") -> bool:
        """Whether a signature is ours; takes the same time wherever it differs."""
        return hmac.compare_digest(self.sign(message, purpose), signature)


def _load_or_create(path: Path) -> bytes:
    """Read the key, or make it; two processes that start together agree on one key."""
    if path.exists():
        return _load(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{random_bytes(8).hex()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(random_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()
    return _load(path)


def _load(path: Path) -> bytes:
    path.chmod(0o600)
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(
            f"data/{KEY_FILE}",
            "is damaged",
            "restore it from a backup; without it device passwords must be given anew",
        )
    return key
