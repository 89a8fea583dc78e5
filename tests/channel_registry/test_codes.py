import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel_registry.code_table import CodeKind, kind_of_type
from channel_registry.codes import (
    ChannelCode,
    civil_parents,
    is_civil_code,
    is_rule_b,
    parse_civil_code,
    without_picture,
)
from channel_registry.errors import InvalidCode, RegistryError

EXAMPLE = "34020000001320000001"
DIGITS = st.text("0123456789", min_size=20, max_size=20)


def test_worked_example_of_the_standard_is_taken_apart() -> None:
    code = ChannelCode(EXAMPLE)
    assert (code.centre, code.civil_code, code.industry) == ("34020000", "3402", "00")
    assert (code.type, code.network, code.serial) == (132, "0", "000001")
    assert code.type_names == ("网络摄像机", "IP camera")
    assert code.civil_parents == ("34",)
    assert code.domain == "3402000000"
    assert code.is_channel
    assert not code.is_device


def test_code_is_shown_in_groups() -> None:
    assert ChannelCode("14040000001320000001").display == "14040000 00 132 0 000001"


def test_mining_is_industry_41_in_both_editions() -> None:
    assert ChannelCode("14040200411320000001").industry_names == ("采矿企业接入", "采矿企业接入")


def test_industry_that_editions_name_differently_has_both_names() -> None:
    assert ChannelCode("14040200431320000001").industry_names == (
        "冶金企业接入",
        "电力热力燃气及水生产供应企业接入",
    )
    assert ChannelCode("14040200991320000001").industry_names == ("", "")


def test_network_digit_is_named_by_both_editions() -> None:
    assert ChannelCode("14040200411322000001").network_names == ("监控专网", "行业专网")
    assert ChannelCode("14040200411329000001").network_names == ("", "")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (0, CodeKind.UNKNOWN),
        (110, CodeKind.UNKNOWN),
        (111, CodeKind.DEVICE),
        (130, CodeKind.DEVICE),
        (131, CodeKind.CHANNEL),
        (199, CodeKind.CHANNEL),
        (200, CodeKind.PLATFORM),
        (214, CodeKind.PLATFORM),
        (215, CodeKind.GROUP),
        (216, CodeKind.VIRTUAL),
        (299, CodeKind.PLATFORM),
        (300, CodeKind.USER),
        (499, CodeKind.USER),
        (500, CodeKind.EXTERNAL),
        (599, CodeKind.EXTERNAL),
        (600, CodeKind.UNKNOWN),
        (999, CodeKind.UNKNOWN),
    ],
)
def test_type_ranges_have_their_kind(number: int, kind: CodeKind) -> None:
    assert kind_of_type(number) is kind


def test_unknown_type_is_kept_under_its_number() -> None:
    code = ChannelCode("14040200411770000001")
    assert code.type_names == ("177", "177")
    assert code.is_channel


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("3402000000132000000", 19),
        ("340200000013200000012", 20),
        ("3402000000132000000x", 19),
        ("34020000 01320000001", 8),
        ("３４０２００００００１３２０００００１", 0),
        ("3402000000132000000²", 19),
        ("-4020000001320000001", 0),
    ],
)
def test_anything_but_20_ascii_digits_is_refused_with_the_offset(text: str, offset: int) -> None:
    with pytest.raises(InvalidCode) as caught:
        ChannelCode(text)
    assert caught.value.offset == offset
    assert isinstance(caught.value, RegistryError)


def test_error_keeps_at_most_32_characters_of_the_offender() -> None:
    with pytest.raises(InvalidCode) as caught:
        ChannelCode("9" * 5000)
    assert len(caught.value.text) == 32
    assert len(str(caught.value)) < 100


def test_parse_tolerates_blanks_around_and_nothing_else() -> None:
    assert ChannelCode.parse(f" {EXAMPLE}\r\n") == EXAMPLE
    with pytest.raises(InvalidCode):
        ChannelCode.parse(f"\u3000{EXAMPLE}")


@given(DIGITS)
def test_every_20_digits_are_a_code_and_come_back_unchanged(text: str) -> None:
    code = ChannelCode.parse(text)
    assert str(code) == text
    assert f"{code.centre}{code.industry}{code.type:03d}{code.network}{code.serial}" == text
    assert code.display.replace(" ", "") == text
    assert code.centre.startswith(code.civil_code)
    assert isinstance(code.kind, CodeKind)


@given(DIGITS)
def test_a_code_is_the_same_value_as_its_text(text: str) -> None:
    code = ChannelCode(text)
    assert {text: 1}[code] == 1
    assert json.loads(json.dumps({"code": code})) == {"code": text}
    assert pickle.loads(pickle.dumps(code)) == code == copy.deepcopy(code)


@given(st.text(max_size=40))
def test_parse_raises_only_its_own_error(text: str) -> None:
    try:
        code = ChannelCode.parse(text)
    except InvalidCode:
        return
    assert len(code) == 20


@given(
    st.sampled_from(["14", "1404", "140402", "14040211"]),
    st.integers(0, 999),
    st.integers(0, 999_999),
)
def test_build_and_parse_agree(centre: str, number: int, serial: int) -> None:
    code = ChannelCode.build(centre=centre, industry="41", type_number=number, serial=serial)
    assert code.civil_code == centre
    assert code.type == number
    assert int(code.serial) == serial


def test_build_refuses_what_does_not_fit() -> None:
    with pytest.raises(InvalidCode):
        ChannelCode.build(centre="14", type_number=132, serial=1_000_000)


def test_a_code_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        ChannelCode(EXAMPLE).note = "x"  # type: ignore[attr-defined]


def test_civil_code_of_an_empty_centre_is_two_digits() -> None:
    assert ChannelCode("00000000001320000001").civil_code == "00"


@pytest.mark.parametrize("text", ["14", "1404", "140402", "14040211"])
def test_civil_codes_have_even_lengths_up_to_eight(text: str) -> None:
    assert is_civil_code(text)
    assert parse_civil_code(f" {text} ") == text


@pytest.mark.parametrize("text", ["", "1", "140", "1404021112", "null", "14 04", "１４", "-1"])
def test_what_is_no_civil_code_is_none(text: str) -> None:
    assert parse_civil_code(text) is None


def test_parents_of_a_civil_code_drop_two_digits_each() -> None:
    assert civil_parents("14040211") == ("140402", "1404", "14")
    assert civil_parents("14") == ()


def test_rule_b_codes_have_16_or_18_digits() -> None:
    assert is_rule_b("1" * 16)
    assert is_rule_b("1" * 18)
    assert not is_rule_b("1" * 17)
    assert not is_rule_b("1" * 20)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("14040200411370000001", True),
        ("14040200411340000001", True),
        ("14040200411320000001", False),
        ("14040200411770000001", False),
        ("1" * 18, False),
        ("²" * 20, False),
    ],
)
def test_loudspeakers_and_alarm_ends_have_no_picture(code: str, expected: bool) -> None:
    assert without_picture(code) is expected
