import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.gb28181.quirks import (
    COLUMNS,
    STANDARD,
    VALUES,
    DeviceHints,
    Quirk,
    QuirkRow,
    QuirkTable,
    build_table,
    builtin_rows,
    by_user_agent,
    parse_rows,
)

HEAD = ",".join(COLUMNS) + "\n"


def row(**changes) -> QuirkRow:
    values = {name: "" for name in COLUMNS}
    return QuirkRow(
        **{**values, "quirk": Quirk.PLAYBACK_LIMIT, "value": "2", "evidence": "a capture"} | changes
    )


def fits(hints: DeviceHints, **changes) -> bool:
    return row(**changes).fits(hints)


@pytest.mark.parametrize(
    ("user_agent", "attribute"),
    [
        ("SimIPC/1.0", "streamnumber:1"),
        ("Embedded Net DVR/DVS Hikvision", "stream:1"),
        ("Dahua SIP UAS V1.0", "streamprofile:1"),
        ("TP-LINK", "streamMode:SUB"),
        ("", "streamnumber:1"),
    ],
)
def test_the_sub_stream_is_asked_for_in_the_makers_words(user_agent, attribute):
    quirks = by_user_agent("34020000001320000001", user_agent)
    assert quirks.stream_attribute("sub") == attribute
    assert quirks.stream_attribute("main") is None


def test_every_quirk_has_a_standard_and_a_form():
    for quirk in Quirk:
        assert STANDARD[quirk] == "" or VALUES[quirk].fullmatch(STANDARD[quirk])


def test_the_built_in_table_is_sound_and_says_where_it_knows_from():
    assert len(builtin_rows()) > 10
    assert all(row.evidence for row in builtin_rows())


def test_a_row_fits_by_any_word_of_maker_or_user_agent():
    assert fits(DeviceHints(maker="HIKVISION"), maker="hikvision|hik")
    assert fits(DeviceHints(user_agent="IP Camera hik 5.7"), maker="hikvision|hik")
    assert not fits(DeviceHints(maker="Dahua"), maker="hikvision|hik")
    assert fits(DeviceHints(), maker="")


def test_a_row_fits_by_model_pattern_and_range_of_firmware():
    device = DeviceHints("x", "DS-2CD3T45", "V5.7.12 build 220819")
    assert fits(device, model="ds-2*")
    assert not fits(device, model="DS-7*")
    assert fits(device, firmware_from="5.7", firmware_to="5.7.12")
    assert fits(device, firmware_from="V5.7.2")
    assert not fits(device, firmware_from="5.8")
    assert not fits(device, firmware_to="5.7.11")
    assert not fits(DeviceHints("x"), firmware_from="1")


def test_the_later_row_wins():
    table = QuirkTable([row(value="2"), row(value="3"), row(maker="other", value="4")])
    assert table.find(DeviceHints("mine")).number(Quirk.PLAYBACK_LIMIT) == 3


def test_bad_lines_are_told_with_their_number_and_the_others_hold():
    text = HEAD + (
        ",,,,playback_limit,2,seen\n"
        ",,,,no_such,2,seen\n"
        ",,,,playback_limit,many,seen\n"
        ",,,,voice_packet_ms,100,\n"
        ",,,,config_restarts,yes,seen\n"
    )
    rows, bad = parse_rows(text)
    assert [each.quirk for each in rows] == [Quirk.PLAYBACK_LIMIT, Quirk.CONFIG_RESTARTS]
    assert [each.line for each in bad] == [3, 4, 5]
    assert "no_such" in bad[0].reason
    assert "many" in bad[1].reason
    assert "evidence" in bad[2].reason


def test_a_table_without_its_head_is_refused_with_the_names_it_lacks():
    rows, [bad] = parse_rows("maker,model\nx,y\n")
    assert rows == []
    assert "evidence" in bad.reason


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40)


@given(st.lists(st.builds(row, maker=WORDS.map(str.strip), model=WORDS.map(str.strip))))
def test_a_written_table_is_read_back(rows):
    text = build_table([getattr(each, name) for name in COLUMNS] for each in rows)
    assert parse_rows(text) == (rows, [])


@given(st.text(max_size=300))
def test_any_text_is_read_or_told(text):
    rows, bad = parse_rows(HEAD + text)
    assert all(VALUES[each.quirk].fullmatch(each.value) for each in rows)
    assert all(each.line >= 1 and each.reason for each in bad)


def test_the_manual_tells_of_every_quirk_and_its_standard():
    text = (Path(__file__).parents[3] / "docs" / "quirks.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.*?) \|", text, re.MULTILINE))
    assert rows.keys() == set(Quirk)
    told = {quirk: STANDARD[quirk] for quirk in Quirk if quirk is not Quirk.PLAYBACK_LIMIT}
    assert all((f"`{value}`" if value else "empty") in rows[quirk] for quirk, value in told.items())
