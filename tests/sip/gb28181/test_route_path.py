"""The chain of platforms in X-RoutePath and X-PreferredPath."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.gb28181.route_path import LONGEST_PATH, build_path, consume_path, parse_path

PROVINCE, CITY, MINE = "34000000002000000001", "34010000002000000001", "34010400002000000001"


def test_a_path_is_read_and_written():
    assert parse_path(f"{PROVINCE}-{CITY} - {MINE}") == (PROVINCE, CITY, MINE)
    assert build_path((PROVINCE, CITY)) == f"{PROVINCE}-{CITY}"


@pytest.mark.parametrize(
    "text",
    [None, "", "-", "somewhere", f"{CITY}-", f"{CITY}-x", CITY[:19], "٣" * 20, f"{CITY}-" * 400],
)
def test_what_is_no_path_is_no_wish(text):
    assert parse_path(text) == ()


def test_we_take_ourselves_off_the_front_only():
    assert consume_path(f"{CITY}-{MINE}", {CITY}) == (MINE,)
    assert consume_path(f"{MINE}-{CITY}", {CITY}) == (MINE, CITY)
    assert consume_path(CITY, {CITY}) == ()


@given(st.lists(st.from_regex(r"[0-9]{20}", fullmatch=True), max_size=LONGEST_PATH))
def test_what_is_written_is_read_back(ids):
    assert list(parse_path(build_path(ids))) == ids


@given(st.text(max_size=500))
def test_any_text_is_a_bounded_path(text):
    path = parse_path(text)
    assert len(path) <= LONGEST_PATH
    assert all(len(each) == 20 for each in path)
