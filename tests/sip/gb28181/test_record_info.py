from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.gb28181.manscdp import parse_envelope
from sip.gb28181.record_info import (
    RecordCollection,
    RecordItem,
    RecordQuery,
    ask_record_info,
    build_record_info,
    format_time,
    parse_record_info,
    parse_record_query,
    parse_time,
)

CHANNEL = "34020000001320000001"
START = datetime(2024, 5, 1, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def item(minute: int, path: str = "", length: int = 10) -> RecordItem:
    start = START + timedelta(minutes=minute)
    return RecordItem(CHANNEL, start, start + timedelta(minutes=length), file_path=path)


def packet(items, total, sn=3):
    return parse_envelope(build_record_info(CHANNEL, sn, "东门", items, total))


def test_the_query_asks_in_beijing_time_for_every_type():
    question = ask_record_info(RecordQuery(CHANNEL, START, START + HOUR))
    body = question.build("34020000001180000001", 17433, "GB2312").decode("gb18030")
    assert "<StartTime>2024-05-01T10:00:00</StartTime>" in body
    assert "<EndTime>2024-05-01T11:00:00</EndTime>" in body
    assert "<Type>all</Type>" in body
    assert f"<DeviceID>{CHANNEL}</DeviceID>" in body
    assert "StreamNumber" not in body


def test_the_query_survives_a_round_trip():
    query = RecordQuery(CHANNEL, START, START + HOUR, "alarm", 1)
    body = ask_record_info(query).build(CHANNEL, 1, "UTF-8")
    assert parse_record_query(parse_envelope(body)) == query


def test_items_survive_a_round_trip():
    full = RecordItem(
        CHANNEL, START, START + HOUR, "East gate", "/rec/1.ps", "东门", True, "time",
        "34020000001180000001", 104857600, "34020000001180000001", 1,
    )  # fmt: skip
    assert parse_record_info(packet([full, item(90)], 2)).items == (full, item(90))


def test_an_answer_without_items_is_empty_and_complete():
    collection = RecordCollection()
    collection.add(packet([], 0))
    assert collection.is_complete
    assert collection.result().items == ()


def test_messages_are_merged_deduplicated_and_sorted():
    collection = RecordCollection()
    collection.add(packet([item(30), item(20)], 4))
    assert not collection.is_complete
    collection.add(packet([item(30), item(0, "b")], 4))
    collection.add(packet([item(0, "a")], 4))
    result = collection.result()
    assert [(i.start - START).seconds // 60 for i in result.items] == [0, 0, 20, 30]
    assert result.complete


@pytest.mark.parametrize("total", [5, 4_000_000_000])
def test_a_sum_that_is_never_reached_leaves_the_answer_incomplete(total):
    collection = RecordCollection()
    collection.add(packet([item(0)], total))
    assert not collection.result().complete


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2024-05-01T10:00:00", 2),
        ("2024-05-01 10:00:00", 2),
        (" 2024-05-01T10:00:00.250 ", 2),
        ("2024-05-01T10:00:00Z", 10),
        ("2024-05-01T10:00:00+08:00", 2),
    ],
)
def test_times_of_every_form_are_read(text, hour):
    at = parse_time(text)
    assert at is not None
    assert at.replace(microsecond=0) == datetime(2024, 5, 1, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "now", "2024-13-01T00:00:00", "0001-01-01T00:00:00", "9" * 90]
)
def test_times_that_are_none_are_none(text):
    assert parse_time(text) is None


def test_items_without_a_stretch_of_time_are_counted_and_left_out():
    body = (
        b"<Response><CmdType>RecordInfo</CmdType><SN>1</SN><SumNum>3</SumNum><RecordList>"
        b"<Item><StartTime>2024-05-01T10:00:00</StartTime></Item>"
        b"<item><starttime>2024-05-01T10:00:00</starttime><ENDTIME>2024-05-01T10:00:01</ENDTIME>"
        b"</item><Item><StartTime>2024-05-01T10:00:00</StartTime>"
        b"<EndTime>2024-05-01T09:00:00</EndTime></Item></RecordList></Response>"
    )
    read = parse_record_info(parse_envelope(body))
    assert (len(read.items), read.dropped) == (1, 2)


@given(st.floats(0, 4_000_000_000))
def test_any_time_comes_back_to_the_second(seconds):
    at = datetime.fromtimestamp(seconds, UTC)
    assert parse_time(format_time(at)) == at.replace(microsecond=0)


@given(st.lists(st.integers(0, 500), max_size=40, unique=True), st.randoms())
def test_any_order_and_any_repetition_gives_the_same_list(minutes, chance):
    items = [item(minute, length=5) for minute in minutes]
    sent = items + items[: len(items) // 2]
    chance.shuffle(sent)
    collection = RecordCollection()
    for start in range(0, len(sent), 3):
        collection.add(packet(sent[start : start + 3], len(items)))
    assert list(collection.items()) == sorted(items, key=lambda each: each.start)
