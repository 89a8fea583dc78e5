"""What the answer to a REGISTER tells the one who registers (GB/T 28181-2022 9.1; RFC 3261 §10.2).

Shared by our own registration at upper platforms and by simulated devices.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass

from sip.errors import MalformedDigest
from sip.message import Peer, Response
from sip.message.digest import Algorithm, Challenge, parse_challenge

MOST_CHALLENGES = 2
"""Per attempt: one, and one more for a nonce that went stale on the way."""

MOST_REDIRECTS = 5
"""302 after 302 in one attempt; two platforms could send us to each other for ever."""

REFRESH_SHARE = 0.8
"""Part of the granted time after which the registration is refreshed."""

LONGEST_RETRY_AFTER_S = 600
"""A platform that puts us off for longer is not believed."""

FORGOTTEN_STATUSES = (401, 403, 404)
"""Answers to a keepalive which say that the platform does not know the sender (any more)."""

DOMAIN_DIGITS = 10
DEFAULT_PORT = 5060


@dataclass(frozen=True, slots=True)
class Place:
    """One place to register at."""

    server_id: str
    domain: str
    server: Peer


def choose_challenge(values: Sequence[str], algorithms: Container[Algorithm]) -> Challenge:
    """Return the first challenge that can be answered (RFC 8760 §2.4).

    `values` are those of WWW-Authenticate. Raises MalformedDigest where there is none.
    """
    problem = MalformedDigest("no challenge")
    for value in values:
        try:
            challenge = parse_challenge(value)
        except MalformedDigest as error:
            problem = error
            continue
        if challenge.algorithm in algorithms:
            return challenge
    raise problem


def granted_expires(response: Response) -> int | None:
    """Return for how many seconds a 200 registers us, None where it does not say."""
    granted = response.expires
    return response.contact_expires if granted is None else granted


def retry_after(response: Response) -> float | None:
    """Return when the platform wants to see us again, None where it does not say (503)."""
    digits = (response.headers.get("retry-after") or "").strip()[:4]
    if not digits.isdecimal() or int(digits) > LONGEST_RETRY_AFTER_S:
        return None
    return float(digits)


def read_redirect(response: Response, here: Place) -> Place | None:
    """Return where a 302 sends us (2022 9.1.2.3); None where its Contact cannot be used."""
    contact = response.contact
    if contact is None or not contact.uri.is_sip or not contact.uri.user:
        return None
    uri, server_id = contact.uri, contact.uri.user
    transport = here.server.transport
    if (uri.params.get("transport") or "").lower() in ("udp", "tcp"):
        transport = "tcp" if (uri.params["transport"] or "").lower() == "tcp" else "udp"
    peer = Peer(transport, uri.host, uri.port or DEFAULT_PORT)
    return Place(server_id, server_id[:DOMAIN_DIGITS], peer)
