"""The only reader of randomness in `vms`: tokens, passwords, names, unpredictable numbers."""

import secrets

# Without letters and digits that are mistaken for one another when typed from a screen.
PASSWORD_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def random_bytes(count: int) -> bytes:
    """Unpredictable bytes."""
    return secrets.token_bytes(count)


def random_below(limit: int) -> int:
    """An unpredictable number, 0 <= n < `limit`."""
    return secrets.randbelow(limit)


def new_token() -> str:
    """A URL-safe secret of 256 bits."""
    return secrets.token_urlsafe(32)


def new_password(length: int = 16) -> str:
    """A password that a person can type into a camera's web page."""
    return "".join(secrets.choice(PASSWORD_ALPHABET) for _ in range(length))


def new_name() -> str:
    """A file name without meaning: 128 bits in hexadecimal digits."""
    return secrets.token_hex(16)
