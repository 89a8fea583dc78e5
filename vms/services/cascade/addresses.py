"""Host names of upper platforms -> addresses, asked again and again, for names may move."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable

from channel_registry.upper_records import UpperPlatform

logger = logging.getLogger(__name__)

RESOLVE_TIMEOUT_S = 5.0

Resolver = Callable[[str], Awaitable[str | None]]
"""Answers the address of a host name, None when there is none now."""


async def resolve(host: str) -> str | None:
    """The first address of a host, IPv4 before IPv6; None when nobody knows the name now."""
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError, TimeoutError):
        return None
    found.sort(key=lambda each: each[0] is not socket.AF_INET)
    return str(found[0][4][0]) if found else None


class HostBook:
    """The addresses of hosts; one that cannot be resolved now keeps its last address."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._addresses: dict[str, str] = {}

    def address(self, host: str) -> str | None:
        """What was found last; an address is its own."""
        if is_address(host):
            return host
        return self._addresses.get(host)

    async def look(self, platforms: Iterable[UpperPlatform]) -> tuple[str, ...]:
        """Resolve the hosts of these; answers the ids of those whose address is another now."""
        named = [each for each in platforms if not is_address(each.host)]
        moved: list[str] = []
        for platform in named:
            before = self._addresses.get(platform.host)
            address = await self._resolver(platform.host)
            if address is None:
                facts = {"platform": platform.id, "host": platform.host, "reason": before or ""}
                logger.warning("host of an upper platform cannot be resolved", extra=facts)
            elif address != before:
                self._addresses[platform.host] = address
                moved.append(platform.id)
        return tuple(moved)


def is_address(host: str) -> bool:
    """Whether a host is an IP address and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
