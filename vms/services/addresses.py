"""Our own network addresses, as others reach us; no name is looked up and nothing is sent."""

import fcntl
import socket
import struct
from ipaddress import ip_address

SOMEWHERE = "192.0.2.1"
"""An address of documentation (RFC 5737): it stands for the default route."""
SIOCGIFADDR = 0x8915
"""Linux: the IPv4 address of a network card (netdevice(7))."""


def address_towards(host: str) -> str:
    """The address of the network card that leads to a host.

    Raises OSError when there is no way to it, ValueError for what is no address.
    """
    family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))
        return str(probe.getsockname()[0])


def own_addresses() -> tuple[str, ...]:
    """The addresses that a camera may be told, the default route's first.

    Loopback is the answer only on a machine that has nothing else.
    """
    found = [*_default_route(), *_of_cards()]
    outside = [each for each in dict.fromkeys(found) if not each.startswith("127.")]
    return tuple(outside or ["127.0.0.1"])


def _default_route() -> list[str]:
    try:
        return [address_towards(SOMEWHERE)]
    except OSError:
        return []


def _of_cards() -> list[str]:
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(probe, SIOCGIFADDR, request)
            except OSError:  # a card without an address
                continue
            found.append(socket.inet_ntoa(answer[20:24]))
    return found
