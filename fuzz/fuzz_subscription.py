"""Headers of subscriptions: nothing at all may come out, and what is kept is short."""

from sip.gb28181.subscription import parse_seconds, parse_subscription_state

SEEDS: list[bytes] = [
    b"active;expires=590",
    b"terminated;reason=timeout",
    b'Terminated ; reason="probation";retry-after=30',
    b"pending",
    b";;;=;expires=;reason",
    b"600",
]


def one_case(data: bytes) -> None:
    """Read the octets as both headers."""
    text = data.decode("utf-8", "surrogateescape")
    state = parse_subscription_state(text)
    assert len(state.name) <= 64
    assert len(state.reason) <= 64
    parse_seconds(text)
