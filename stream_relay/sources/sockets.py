"""Sockets for media: bound, non-blocking, with room for a burst."""

import socket

PAIR_ATTEMPTS = 64
BACKLOG = 4
_SO_RCVBUFFORCE = 33
"""Linux; sets more than `net.core.rmem_max` for who may (CAP_NET_ADMIN). Python has no name."""


def bind_pair(
    host: str, port: int, receive_buffer_bytes: int
) -> tuple[socket.socket, socket.socket]:
    """RTP and RTCP sockets on an even port and the next; port 0 lets the kernel choose.

    Raises `OSError` when either is taken.
    """
    for _ in range(PAIR_ATTEMPTS):
        rtp = _udp_socket(host, port, receive_buffer_bytes)
        bound = int(rtp.getsockname()[1])
        try:
            if bound % 2 == 0:
                return rtp, _udp_socket(host, bound + 1, 0)
        except OSError:
            if port:
                rtp.close()
                raise
        rtp.close()
    raise OSError("the kernel offers no pair of an even port and the next")


def bind_sender(host: str, port: int, send_buffer_bytes: int) -> socket.socket:
    """A UDP socket to send media from. Raises `OSError` when the port is taken."""
    sock = _udp_socket(host, port, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
    return sock


def _udp_socket(host: str, port: int, receive_buffer_bytes: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if receive_buffer_bytes:
            _widen(sock, receive_buffer_bytes)
        sock.setblocking(False)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def bind_listener(host: str, port: int, backlog: int = BACKLOG) -> socket.socket:
    """A TCP socket that listens. Raises `OSError` when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind((host, port))
        listener.listen(backlog)
    except OSError:
        listener.close()
        raise
    return listener


def _widen(sock: socket.socket, size: int) -> None:
    """Room for a key frame and a pause of ours: the default holds about 90 packets."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
