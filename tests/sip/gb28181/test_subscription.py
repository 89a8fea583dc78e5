import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.gb28181.manscdp import Root, parse_envelope
from sip.gb28181.subscription import (
    SubscriptionState,
    Topic,
    Wish,
    parse_seconds,
    parse_subscription_state,
)

DEVICE = "34020000001180000001"


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("active;expires=590", SubscriptionState("active", "", 590)),
        ("Active", SubscriptionState("active")),
        ("terminated;reason=timeout", SubscriptionState("terminated", "timeout")),
        (
            'TERMINATED ; Reason="Probation" ; retry-after=30',
            SubscriptionState("terminated", "probation", None, 30),
        ),
        ("pending;expires=x", SubscriptionState("pending")),
        ("", SubscriptionState("active")),
        (None, SubscriptionState("active")),
    ],
)
def test_the_state_of_a_subscription_is_read_as_devices_write_it(text, state):
    assert parse_subscription_state(text) == state
    assert state.is_over is (state.name == "terminated")


@given(st.text(max_size=200))
def test_any_header_is_read_without_an_error(text):
    assert len(parse_subscription_state(text).name) <= 64
    parse_seconds(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("600", 600), (" 0 ", 0), ("60;x", 60), ("", None), ("-1", None)]
)
def test_seconds_are_whole_and_not_negative(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("topic", list(Topic))
def test_a_wish_is_a_query_of_its_topic(topic):
    wish = Wish(topic)
    envelope = parse_envelope(wish.build_body(DEVICE, 9, "GB2312", is_2022=True))
    assert (envelope.root, envelope.command, envelope.device_id) == (Root.QUERY, topic, DEVICE)
    assert wish.event(9) == ("Catalog;id=9" if topic is Topic.CATALOG else "presence")
