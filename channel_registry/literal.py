"""Text and numbers from strangers: kept literally, but so that every database can store them.

A name may hold quotes, tags, right-to-left marks or control characters; all of that is kept, and
whoever shows it escapes it. Only what no database or no UTF-8 can hold is replaced.
"""

import math

REPLACEMENT = "\ufffd"
_UNSTORABLE = {0: REPLACEMENT} | {code: REPLACEMENT for code in range(0xD800, 0xE000)}


def storable(text: str) -> str:
    """Without outer blanks; NUL and lone surrogates become U+FFFD."""
    return text.translate(_UNSTORABLE).strip(" \t\r\n")


def fit(text: str, limit: int) -> tuple[str, int]:
    """Storable text of at most `limit` characters, and its whole length (0: nothing was cut)."""
    clean = storable(text)
    return (clean, 0) if len(clean) <= limit else (clean[:limit], len(clean))


def degrees(value: float | None, bound: float) -> float | None:
    """A position within ±bound degrees, else none."""
    if value is None or not math.isfinite(value) or abs(value) > bound:
        return None
    return value
