"""Ports for servers under test, where the kernel gives none to outgoing connections.

Between finding a port and a server's taking it nothing but another test run could take it, and that
one begins its search elsewhere.
"""

import random
import socket
from contextlib import ExitStack

HOST = "127.0.0.1"
LOWEST, HIGHEST = 10_000, 32_000
"""Below the kernel's own range (Linux: net.ipv4.ip_local_port_range begins at 32768)."""
TRIES = 1000


def free_ports(count: int = 1) -> range:
    """So many ports in a row from an even one on, each free on UDP and on TCP."""
    for _ in range(TRIES):
        ports = range(first := random.randrange(LOWEST, HIGHEST - count, 2), first + count)
        if all(is_free(port) for port in ports):
            return ports
    raise AssertionError("no free ports")


def free_port() -> int:
    """A port that is free on UDP and on TCP."""
    return free_ports()[0]


def is_free(port: int) -> bool:
    with ExitStack() as stack:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            probe = stack.enter_context(socket.socket(socket.AF_INET, kind))
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True
