"""X-RoutePath and X-PreferredPath: the chain of platforms a message passes (2022 annex H).

`<ID>-<ID>-…`, nearest platform first. Whoever passes a response on puts its own id in front of
X-RoutePath; whoever receives an INVITE takes its own id off X-PreferredPath.
"""

import re
from collections.abc import Container, Iterable

LONGEST_PATH = 16
"""Platforms of one path; the country, province, city, county and mine are five."""

_PLATFORM = re.compile(r"[0-9]{20}")


def parse_path(text: str | None) -> tuple[str, ...]:
    """Read a path; one that is missing, too long or no path is empty, for it is only a wish."""
    if not text or len(text) > LONGEST_PATH * 22:
        return ()
    ids = tuple(part.strip(" \t") for part in text.split("-"))
    if len(ids) > LONGEST_PATH or not all(_PLATFORM.fullmatch(each) for each in ids):
        return ()
    return ids


def consume_path(text: str | None, own_ids: Container[str]) -> tuple[str, ...]:
    """Read X-PreferredPath and take ourselves off its front."""
    path = parse_path(text)
    return path[1:] if path and path[0] in own_ids else path


def build_path(ids: Iterable[str]) -> str:
    """Write a path."""
    return "-".join(list(ids)[:LONGEST_PATH])
