"""The sound of a live picture as samples."""

import numpy as np
import pytest

from stream_relay.access_unit import AccessUnit, Codec, Kind
from stream_relay.voice.studio import encode
from tests.stream_relay.media import picture
from tests.stream_relay.voice.tones import loudest_hz, sine
from vms.services.live.sound import LiveSound


def heard(sound: LiveSound, codec: Codec, data: bytes) -> bytes:
    return sound.decode(AccessUnit(Kind.AUDIO, codec, 0, 0, True, data, None))


def test_a_law_becomes_samples() -> None:
    sound = LiveSound()
    spoken = encode(sine(440, 1))
    pieces = [heard(sound, Codec.G711A, spoken[n : n + 320]) for n in range(0, 8000, 320)]
    samples = np.frombuffer(b"".join(pieces), "<i2")
    assert len(samples) == 8000
    assert loudest_hz(samples) == pytest.approx(440, abs=2)


def test_a_device_may_change_its_law() -> None:
    sound = LiveSound()
    assert len(heard(sound, Codec.G711A, bytes(320))) == 640
    assert len(heard(sound, Codec.G711U, bytes(160))) == 320


def test_pictures_and_other_sound_are_left_out() -> None:
    sound = LiveSound()
    assert sound.decode(None) == b""
    assert sound.decode(picture(0)) == b""
    assert heard(sound, Codec.AAC, b"\x00" * 10) == b""
