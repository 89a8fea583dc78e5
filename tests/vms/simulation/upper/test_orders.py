"""Orders to a pretend upper platform: read with care, told what would do."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.gb28181.ptz import Move, encode
from vms.errors import ConfigError
from vms.simulation.upper.orders import (
    DIRECTIONS,
    WORDS,
    Order,
    moment,
    move_of,
    parse_order,
    read_orders,
)

CODE = "14040000001320000001"
NOW = datetime(2026, 5, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("", None),
        ("   # nothing", None),
        ("catalog", Order("catalog")),
        ("CATALOG  # now", Order("catalog")),
        ("subscribe alarm", Order("subscribe", option="alarm")),
        ("subscribe position off", Order("subscribe", option="position", is_off=True)),
        (f"live {CODE}", Order("live", CODE)),
        (f"live {CODE} sub", Order("live", CODE, "sub")),
        (f"playback {CODE} -1h now", Order("playback", CODE, start="-1h", end="now")),
        (f"playback {CODE} -1h now 2", Order("playback", CODE, start="-1h", end="now", number=2)),
        (
            f"download {CODE} 2026-05-01T10:00:00 2026-05-01T10:05:00 4",
            Order("download", CODE, start="2026-05-01T10:00:00", end="2026-05-01T10:05:00",
                  number=4),
        ),
        (f"records {CODE} -1d now", Order("records", CODE, start="-1d", end="now")),
        ("seek 90.5", Order("seek", number=90.5)),
        ("speed -1", Order("speed", number=-1)),
        (f"ptz {CODE} left", Order("ptz", CODE, "left", number=128)),
        (f"ptz {CODE} in 255", Order("ptz", CODE, "in", number=255)),
        ("stop", Order("stop")),
        (f"stop {CODE}", Order("stop", CODE)),
        ("wait 2.5", Order("wait", number=2.5)),
        ("wait registered", Order("wait", option="registered")),
        ("quit", Order("quit")),
    ],
)  # fmt: skip
def test_a_line_is_read(line, order):
    assert parse_order(line) == order


@pytest.mark.parametrize(
    "line",
    [
        "dance",
        "live",
        "live 123",
        f"live {CODE} third",
        f"live {CODE} sub sub",
        "subscribe weather",
        "subscribe alarm on",
        f"playback {CODE} yesterday now",
        f"playback {CODE} now",
        f"ptz {CODE} sideways",
        f"ptz {CODE} left fast",
        "seek far",
        "speed nan",
        "wait for me",
        "wait inf",
        "quit now",
        "x" * 5000,
    ],
)
def test_what_is_no_order_says_what_would_be(line):
    with pytest.raises(ConfigError) as raised:
        parse_order(line)
    assert raised.value.example


@given(st.text(max_size=200))
def test_any_text_is_an_order_or_an_error(text):
    try:
        order = parse_order(text)
    except ConfigError:
        return
    assert order is None or order.word in WORDS


@given(st.sampled_from(sorted(WORDS)), st.lists(st.one_of(st.just(CODE), st.text(max_size=8))))
def test_any_arguments_are_an_order_or_an_error(word, arguments):
    try:
        order = parse_order(" ".join([word, *arguments]))
    except ConfigError:
        return
    assert order is not None
    assert order.code in ("", CODE)


def test_times_are_of_beijing_or_before_now():
    assert moment("now", NOW) == NOW
    assert moment("-90s", NOW) == NOW - timedelta(seconds=90)
    assert moment("-2h", NOW) == NOW - timedelta(hours=2)
    assert moment("2026-05-01T10:00:00", NOW) == NOW
    assert moment("soon", NOW) is None
    assert moment("-999999d", NOW) is None


@pytest.mark.parametrize("direction", sorted(DIRECTIONS))
@pytest.mark.parametrize("speed", [-5.0, 0.0, 1.0, 128.0, 9999.0])
def test_every_turn_can_be_sent(direction, speed):
    move = move_of(Order("ptz", CODE, direction, number=speed))
    assert encode(move)
    assert move.is_stop is (direction == "stop")
    if direction == "left":
        assert (move.pan, 1 <= move.pan_speed <= 255) == (-1, True)
    assert move != Move() or direction == "stop"


def test_a_file_names_the_line_that_is_wrong(tmp_path: Path):
    path = tmp_path / "orders.txt"
    path.write_text(f"wait registered\n\nlive {CODE}\nstop\n", encoding="utf-8")
    assert [order.word for order in read_orders(path)] == ["wait", "live", "stop"]
    path.write_text("catalog\nlive 12\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 2"):
        read_orders(path)
    with pytest.raises(ConfigError):
        read_orders(tmp_path / "missing.txt")
