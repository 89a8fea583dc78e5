import pytest

from sip.gb28181.quirks import quirks_of, stream_attribute


@pytest.mark.parametrize(
    ("hints", "attribute"),
    [
        (("SimIPC/1.0",), "streamnumber:1"),
        (("Embedded Net DVR/DVS", "Hikvision"), "stream:1"),
        (("Dahua SIP UAS V1.0",), "streamprofile:1"),
        (("", "TP-LINK"), "streamMode:SUB"),
        ((), "streamnumber:1"),
    ],
)
def test_the_sub_stream_is_asked_for_in_the_makers_words(hints, attribute):
    assert stream_attribute(quirks_of(*hints), "sub") == attribute


def test_the_main_stream_needs_no_words():
    assert stream_attribute(quirks_of("Hikvision"), "main") is None
