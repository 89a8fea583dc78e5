import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.gb28181 import device_config as config
from sip.gb28181.config_fields import (
    BadConfig,
    Block,
    Kind,
    Tree,
    from_plain,
    specs,
    to_plain,
)
from sip.gb28181.manscdp import parse_envelope
from sip.gb28181.question import QueryFailed

DEVICE = "34020000001180000001"
words = st.text("abc井口 <&>'", max_size=12).map(str.strip)


@st.composite
def blocks(draw, cls: type[Block]):
    values = {}
    for name, spec in specs(cls):
        match spec.kind:
            case Kind.TEXT:
                longest = int(spec.most)
                fitting = words.map(lambda text, n=longest: text[:n].strip())
                values[name] = draw(st.none() | fitting)
            case Kind.NUMBER:
                values[name] = draw(st.none() | st.integers(int(spec.least), int(spec.most)))
            case Kind.DECIMAL:
                # Micro degrees: what six decimals hold exactly.
                millionths = st.integers(int(spec.least) * 10**6, int(spec.most) * 10**6)
                values[name] = draw(st.none() | millionths.map(lambda n: n / 10**6))
            case Kind.FLAG:
                values[name] = draw(st.none() | st.booleans())
            case Kind.GROUP:
                values[name] = draw(st.none() | blocks(spec.inner))
            case Kind.LIST:
                values[name] = tuple(draw(st.lists(blocks(spec.inner), max_size=2)))
            case Kind.REST:
                values[name] = draw(st.just(()) | words.map(lambda text: (Tree("Vendor", text),)))
    return cls(**values)


configs = st.sampled_from(sorted(config.CONFIG_TYPES)).flatmap(
    lambda name: st.tuples(st.just(name), blocks(config.CONFIG_TYPES[name]))
)


def is_scalar(name):
    return name == "FrameMirror"


@given(configs, st.sampled_from(["GB2312", "UTF-8"]))
def test_every_type_survives_a_round_trip_with_what_we_do_not_know(named, charset):
    name, block = named
    if is_scalar(name):
        block = config.FrameMirror(mode=block.mode)
    data = config.build_config_answer(DEVICE, 3, {name: block}, charset=charset)
    assert config.parse_configs(parse_envelope(data)) == {name: block}


@given(configs)
def test_plain_values_go_there_and_back(named):
    name, block = named
    assert from_plain(config.CONFIG_TYPES[name], to_plain(block)) == block


def test_an_unknown_type_is_carried_as_it_came():
    body = (
        b"<Response><CmdType>ConfigDownload</CmdType><SN>1</SN><DeviceID>1</DeviceID>"
        b"<Result>OK</Result><WhiteLight><Level>3</Level><Plan><Day>1</Day></Plan></WhiteLight>"
        b"</Response>"
    )
    found = config.parse_configs(parse_envelope(body))
    tree = found["WhiteLight"]
    assert tree == Tree(
        "WhiteLight", "", (Tree("Level", "3"), Tree("Plan", "", (Tree("Day", "1"),)))
    )
    written = config.build_config_answer(DEVICE, 1, found)
    assert config.parse_configs(parse_envelope(written)) == found


def test_the_only_element_of_another_name_is_taken_for_what_was_asked():
    body = (
        b"<Response><CmdType>ConfigDownload</CmdType><SN>1</SN><Result>OK</Result>"
        b"<BasicParameter><Name>x</Name><HeartBeatInterval>60</HeartBeatInterval></BasicParameter>"
        b"</Response>"
    )
    found = config.parse_configs(parse_envelope(body), ("BasicParam",))
    assert found == {"BasicParam": config.BasicParam(name="x", heartbeat_interval_s=60)}


@pytest.mark.parametrize(("sent", "read"), [(0, 5), (99_999, 600), (60, 60)])
def test_absurd_heartbeats_are_moved_into_bounds(sent, read):
    body = (
        "<Response><CmdType>ConfigDownload</CmdType><BasicParam>"
        f"<HeartBeatInterval>{sent}</HeartBeatInterval></BasicParam></Response>"
    )
    found = config.parse_configs(parse_envelope(body.encode()))["BasicParam"]
    assert isinstance(found, config.BasicParam) and found.heartbeat_interval_s == read


def test_the_misprinted_name_of_the_snapshot_element_is_read():
    body = (
        b"<Response><CmdType>ConfigDownload</CmdType><SnapShot><SnapNum>3</SnapNum></SnapShot>"
        b"</Response>"
    )
    found = config.parse_configs(parse_envelope(body))
    assert found == {"SnapShotConfig": config.SnapShotConfig(count=3)}


def test_a_collection_ends_when_every_type_came():
    collection = config.ConfigCollection(("BasicParam", "OSDConfig"))
    block = config.BasicParam(name="x")
    collection.add(parse_envelope(config.build_config_answer(DEVICE, 1, {"BasicParam": block})))
    assert not collection.is_complete
    collection.add(parse_envelope(config.build_config_answer(DEVICE, 1, {}, is_ok=False)))
    assert collection.is_complete
    assert collection.result() == config.ConfigAnswer({"BasicParam": block}, ("OSDConfig",))


def test_an_error_to_a_single_question_is_one():
    collection = config.ConfigCollection(("OSDConfig",))
    with pytest.raises(QueryFailed):
        collection.add(parse_envelope(config.build_config_answer(DEVICE, 1, {}, is_ok=False)))


@pytest.mark.parametrize("types", [(), [f"T{n}" for n in range(33)]])
def test_none_or_too_many_types_are_not_asked(types):
    with pytest.raises(QueryFailed):
        config.ask_config(types)


def test_types_are_joined_by_a_stroke():
    question = config.ask_config(["BasicParam", "VideoParamOpt"])
    envelope = parse_envelope(question.build(DEVICE, 1, "GB2312"))
    assert envelope.body.value("ConfigType") == "BasicParam/VideoParamOpt"
    assert config.parse_config_query(envelope) == ("BasicParam", "VideoParamOpt")


@pytest.mark.parametrize(
    ("name", "plain", "field", "reason"),
    [
        ("BasicParam", {"heartbeat_count": 99}, "heartbeat_count", "out_of_range"),
        ("BasicParam", {"heartbeat_count": True}, "heartbeat_count", "not_a_number"),
        ("BasicParam", {"nonsense": 1}, "nonsense", "unknown"),
        ("BasicParam", {"name": 1}, "name", "not_text"),
        ("BasicParam", {"name": "x" * 999}, "name", "too_long"),
        ("OSDConfig", {"texts": [{"x": -1}]}, "texts.0.x", "out_of_range"),
        ("OSDConfig", {"texts": [1]}, "texts.0", "not_an_object"),
        ("OSDConfig", {"texts": "abc"}, "texts", "not_a_list"),
        ("OSDConfig", {"texts": [{}] * 9}, "texts", "too_long"),
        ("OSDConfig", {"shows_time": 1}, "shows_time", "not_a_flag"),
        ("SVACEncodeConfig", {"roi": 3}, "roi", "not_an_object"),
        ("OSDConfig", {"rest": [{"name": "a b"}]}, "rest.0.name", "bad_name"),
        ("OSDConfig", {"rest": [3]}, "rest.0", "not_an_object"),
        ("OSDConfig", {"rest": [{"name": "a", "text": 3}]}, "rest.0.text", "too_long"),
    ],
)
def test_what_a_person_may_not_send_names_its_field(name, plain, field, reason):
    with pytest.raises(BadConfig) as caught:
        from_plain(config.CONFIG_TYPES[name], plain)
    assert (caught.value.field, caught.value.reason) == (field, reason)
