"""Where a simulated device registers: its own platform, or where a 302 sent it (2022 9.1.2.3)."""

from dataclasses import dataclass

from sip.message import Peer, Response
from sip.simulator.profile import DeviceProfile

MOST_REDIRECTS = 5
"""302 after 302 in one attempt; two platforms could send a device to each other for ever."""

DOMAIN_DIGITS = 10
DEFAULT_PORT = 5060


@dataclass(frozen=True, slots=True)
class Registration:
    """One place to register at."""

    server_id: str
    domain: str
    server: Peer


def home_of(profile: DeviceProfile) -> Registration:
    """The place that people typed into the device."""
    return Registration(profile.server_id, profile.domain, profile.server)


def read_redirect(response: Response, here: Registration) -> Registration | None:
    """Return where a 302 sends the device; None where its Contact cannot be used."""
    contact = response.contact
    if contact is None or not contact.uri.is_sip or not contact.uri.user:
        return None
    uri, server_id = contact.uri, contact.uri.user
    transport = here.server.transport
    if (uri.params.get("transport") or "").lower() in ("udp", "tcp"):
        transport = "tcp" if (uri.params["transport"] or "").lower() == "tcp" else "udp"
    peer = Peer(transport, uri.host, uri.port or DEFAULT_PORT)
    return Registration(server_id, server_id[:DOMAIN_DIGITS], peer)
