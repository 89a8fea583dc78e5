import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.gb28181.ptz import (
    STOP,
    Auxiliary,
    BadPtzCommand,
    Cruise,
    CruiseAction,
    Lens,
    Move,
    Preset,
    PresetAction,
    Scan,
    ScanAction,
    decode,
    encode,
)
from tests.sip.gb28181.ptz_vectors import VECTORS

way = st.sampled_from([-1, 0, 1])
byte = st.integers(0, 255)
twelve_bits = st.integers(0, 0xFFF)


@st.composite
def moves(draw):
    pan, tilt, zoom = draw(way), draw(way), draw(way)
    speeds = draw(byte) if pan else 0, draw(byte) if tilt else 0
    return Move(pan, tilt, zoom, *speeds, draw(st.integers(0, 15)) if zoom else 0)


@st.composite
def lenses(draw):
    focus, iris = draw(way), draw(way)
    return Lens(focus, iris, draw(byte) if focus else 0, draw(byte) if iris else 0)


commands = st.one_of(
    moves(),
    lenses(),
    st.builds(Preset, st.sampled_from(PresetAction), st.integers(1, 255)),
    st.builds(Cruise, st.just(CruiseAction.ADD), byte, st.integers(1, 255)),
    st.builds(Cruise, st.just(CruiseAction.DELETE), byte, byte),
    st.builds(Cruise, st.sampled_from([CruiseAction.SPEED, CruiseAction.DWELL]), byte, twelve_bits),
    st.builds(Cruise, st.just(CruiseAction.START), byte),
    st.builds(Scan, st.just(ScanAction.SPEED), byte, twelve_bits),
    st.builds(
        Scan, st.sampled_from([each for each in ScanAction if each is not ScanAction.SPEED]), byte
    ),
    st.builds(Auxiliary, byte, st.booleans()),
)


@given(commands, st.integers(0, 0xFFF))
def test_every_command_survives_a_round_trip_at_any_address(command, address):
    text = encode(command, address)
    assert len(text) == 16 and text == text.upper()
    assert decode(text) == command


@given(st.binary(max_size=12))
def test_any_bytes_are_a_command_or_an_error_of_ours(data):
    try:
        command = decode(data.hex())
    except BadPtzCommand:
        return
    assert decode(encode(command)) == command


@pytest.mark.parametrize("text", VECTORS)
@pytest.mark.parametrize("at", range(1, 8))
def test_any_changed_byte_breaks_the_checksum(text, at):
    data = bytearray.fromhex(text)
    data[at] ^= 0x10
    with pytest.raises(BadPtzCommand):
        decode(data.hex())


def test_address_zero_has_a_checksum_one_less():
    assert encode(STOP, 0) == "A50F0000000000B4"
    assert encode(Move(tilt=1, tilt_speed=0x80), 0) == "A50F00080080003C"


@pytest.mark.parametrize(
    "text", ["", "A50F", "zz0F0100000000B5", "A50F01000000000000B5", "A50F018100000036"]
)
def test_what_is_no_command_is_refused(text):
    with pytest.raises(BadPtzCommand):
        decode(text)


def test_small_letters_and_spaces_around_are_read():
    assert decode(" a50f01080080003d ") == Move(tilt=1, tilt_speed=0x80)


def test_both_directions_at_once_are_no_movement():
    data = [0xA5, 0x0F, 1, 0b11, 0x80, 0, 0]
    assert decode(bytes([*data, sum(data) & 0xFF]).hex()) == STOP


@pytest.mark.parametrize(
    "command",
    [
        Move(1, pan_speed=256),
        Move(zoom=1, zoom_speed=16),
        Preset(PresetAction.SET, 0),
        Preset(PresetAction.CALL, 256),
        Cruise(CruiseAction.ADD, 1, 0),
        Cruise(CruiseAction.START, 256),
        Cruise(CruiseAction.DWELL, 1, 4096),
        Scan(ScanAction.SPEED, 1, 4096),
        Auxiliary(-1, True),
    ],
)
def test_numbers_that_do_not_fit_are_never_sent(command):
    with pytest.raises(BadPtzCommand):
        encode(command)
