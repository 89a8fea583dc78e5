"""Sockets and timers for sans-IO endpoints; nothing here knows what a message means."""

from sip.transport.driver import Driven, Driver
from sip.transport.listener import Listener
from sip.transport.tcp import TcpLimits, TcpTransport
from sip.transport.udp import UdpTransport

__all__ = ["Driven", "Driver", "Listener", "TcpLimits", "TcpTransport", "UdpTransport"]
