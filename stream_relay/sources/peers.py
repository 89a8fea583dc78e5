"""Where packets come from as one number, so that code without Python objects can compare peers.

A peer key is `host << 16 | port`, 63 bits at most. The host of IPv4 (also of IPv4 mapped into
IPv6) is its address, so the key can be turned back by anybody. An IPv6 address does not fit: its
host is `1 << 46 | fold(fnv1a_64(address))`, FNV-1a over the 16 bytes in network order and
`fold(h) = (h ^ h >> 46) & (1 << 46) - 1`; C code computes the same. The hash has no key: who can
choose among very many own addresses can meet another's key, which gains no more than forging that
sender's address, and both meet the same checks of SSRC and sequence. Names of IPv6 hosts are kept
here as they are seen from Python.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

PORT_BITS = 16
HASH_BITS = 46
IPV6_MARK = 1 << HASH_BITS
MAX_NAMES = 4096
"""IPv6 hosts whose names are kept; a later one is shown by its hash."""
NO_PEER = -1

_FNV_OFFSET, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3
_names: dict[int, str] = {}


@lru_cache(maxsize=1024)
def host_key(host: str) -> int:
    """The number of an address in text form; raises ValueError for anything else."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv4Address):
        return int(address)
    if address.ipv4_mapped is not None:
        return int(address.ipv4_mapped)
    key = hash_ipv6(address.packed)
    if len(_names) < MAX_NAMES:
        _names.setdefault(key, host)
    return key


def host_keys(hosts: Iterable[str]) -> frozenset[int]:
    """The numbers of those that are addresses; names of hosts say nothing about a sender."""
    keys = set()
    for host in hosts:
        try:
            keys.add(host_key(host))
        except ValueError:
            continue
    return frozenset(keys)


def hash_ipv6(packed: bytes) -> int:
    """The host number of an IPv6 address in network order."""
    value = _FNV_OFFSET
    for byte in packed:
        value = (value ^ byte) * _FNV_PRIME & 0xFFFFFFFFFFFFFFFF
    return IPV6_MARK | (value ^ value >> HASH_BITS) & IPV6_MARK - 1


def peer_key(host: str, port: int) -> int:
    """The key of an address and port; raises ValueError when the host is no address."""
    return host_key(host) << PORT_BITS | port


def peer_name(key: int) -> tuple[str, int]:
    """Address and port of a key; an IPv6 host that was never named here is shown by its hash."""
    host, port = key >> PORT_BITS, key & (1 << PORT_BITS) - 1
    if host < IPV6_MARK:
        return str(IPv4Address(host)), port
    return _names.get(host, f"ipv6-{host - IPV6_MARK:012x}"), port


def remember(packed: bytes) -> None:
    """Keep the name of an IPv6 address whose key compiled code made."""
    host_key(str(IPv6Address(packed)))
