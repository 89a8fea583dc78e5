import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.gb28181.alarm import (
    Alarm,
    AlarmWish,
    ask_alarms,
    build_alarm,
    join_methods,
    parse_alarm,
    parse_wish,
    split_methods,
    wish_fields,
)
from sip.gb28181.alarm_names import alarm_names, name_alarm
from sip.gb28181.control import parse_control, reset_alarm
from sip.gb28181.manscdp import Root, build_envelope, parse_envelope

DEVICE = "34020000001180000001"
CAMERA = "34020000001320000001"


@pytest.mark.parametrize(
    ("text", "methods"),
    [("12", ("1", "2")), ("1/2", ("1", "2")), ("0", ("0",)), (" 1 / 5 ", ("1", "5")), ("", ()),
     ("x", ()), ("1//2", ("1", "2"))],
)  # fmt: skip
def test_methods_of_both_editions_are_split(text, methods):
    assert split_methods(text) == methods


@pytest.mark.parametrize(
    ("methods", "of_2016", "of_2022"),
    [(("2", "1"), "12", "1/2"), ((), "0", "0"), (tuple("1234567"), "0", "0"), (("9",), "0", "0"),
     (("5",), "5", "5")],
)  # fmt: skip
def test_methods_are_joined_as_each_edition_wants_them(methods, of_2016, of_2022):
    assert join_methods(methods, is_2022=False) == of_2016
    assert join_methods(methods) == of_2022


@given(st.sets(st.sampled_from("1234567"), min_size=1, max_size=6), st.booleans())
def test_joined_methods_are_split_again(methods, is_2022):
    assert set(split_methods(join_methods(methods, is_2022=is_2022))) == methods


def wish_of(fields):
    return parse_wish(parse_envelope(build_envelope(Root.QUERY, "Alarm", 1, DEVICE, fields)))


def test_the_parameters_of_a_subscription_come_back():
    wish = AlarmWish(1, 3, ("2", "5"), "6", "2026-05-01T00:00:00", "2026-05-02T00:00:00")
    for is_2022 in (True, False):
        assert wish_of(wish_fields(wish, is_2022=is_2022)) == wish
    assert wish_of([]) == wish_of(wish_fields(AlarmWish())) == AlarmWish()


def test_the_times_of_the_2016_sample_are_read_under_their_other_name():
    wish = wish_of([("StartTime", "2026-05-01T00:00:00"), ("EndTime", "2026-05-02T00:00:00")])
    assert (wish.start_text, wish.end_text) == ("2026-05-01T00:00:00", "2026-05-02T00:00:00")


@pytest.mark.parametrize(
    ("wish", "alarm", "wanted"),
    [
        (AlarmWish(), Alarm(CAMERA, 1, 4, "7"), True),
        (AlarmWish(methods=("5",)), Alarm(CAMERA, 1, 1, "2"), False),
        (AlarmWish(1, 2), Alarm(CAMERA, 1, 3, "2"), False),
        (AlarmWish(1, 2), Alarm(CAMERA, 1, 0, "2"), True),
        (AlarmWish(2), Alarm(CAMERA, 1, 1, "2"), False),
        (AlarmWish(alarm_type="6"), Alarm(CAMERA, 1, 1, "5", alarm_type="8"), False),
    ],
)
def test_a_wish_says_which_alarms_it_wants(wish, alarm, wanted):
    assert wish.wants(alarm) is wanted


def test_a_reset_names_method_and_type_and_is_answered():
    question = reset_alarm(CAMERA, method="2", alarm_type="2")
    envelope = parse_envelope(question.build(DEVICE, 7, "GB2312"))
    assert (envelope.root, envelope.device_id) == (Root.CONTROL, CAMERA)
    assert (parse_control(envelope).command, parse_control(envelope).value) == (
        "AlarmCmd",
        "ResetAlarm",
    )
    info = envelope.body.child("Info")
    assert (info.value("AlarmMethod"), info.value("AlarmType")) == ("2", "2")
    assert question.collect is not None


def test_an_alarm_query_is_taken_without_an_answer_of_its_own():
    envelope = parse_envelope(ask_alarms(AlarmWish(methods=("5",))).build(DEVICE, 7, "GB2312"))
    assert (envelope.root, envelope.command) == (Root.QUERY, "Alarm")
    assert ask_alarms(AlarmWish()).collect is None


def test_every_method_and_type_of_the_standard_has_a_name_and_a_round_trip():
    assert {method for method, kind in alarm_names() if not kind} == set("01234567")
    counted = {m: sum(1 for method, t in alarm_names() if method == m and t) for m in "256"}
    assert counted == {"2": 5, "5": 13, "6": 2}
    for name in alarm_names().values():
        alarm = Alarm(CAMERA, 1, 1, name.method, "2026-05-01T10:00:00", "x", name.type)
        assert parse_alarm(parse_envelope(build_alarm(alarm))) == alarm
        assert name_alarm(name.method, name.type) == (name.zh, name.en)


@pytest.mark.parametrize(
    ("numbers", "zh"),
    [
        (("5", "6", "1"), "入侵检测报警：进入区域"),
        (("5", "6", "2"), "入侵检测报警：离开区域"),
        (("2", ""), "设备报警"),
        (("5", "99"), "视频报警（99）"),
        (("9", "1"), "报警（9-1）"),
        (("", ""), "报警"),
    ],
)
def test_alarms_are_named_in_the_words_of_the_standard(numbers, zh):
    assert name_alarm(*numbers)[0] == zh
