"""Editions: what 2016 does not have is not sent to a peer of 2016 (2022 annex I)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import SipError
from sip.gb28181.edition import (
    ONLY_2022,
    EditionTooOld,
    check_edition,
    needs_2022,
    read_version,
    speaks_2022,
)


@pytest.mark.parametrize("command", sorted(ONLY_2022))
def test_commands_of_2022_are_known_in_any_case(command):
    assert needs_2022(command)
    assert needs_2022(command.lower())
    assert needs_2022(f" {command} ")


@pytest.mark.parametrize(
    "command",
    ["Catalog", "DeviceInfo", "PTZCmd", "IFrameCmd", "IFameCmd", "BasicParam", "Alarm", "", "x"],
)
def test_commands_of_both_editions_need_nothing(command):
    assert not needs_2022(command)
    check_edition(command, "2.0")


@pytest.mark.parametrize("version", ["", "2.0", "1.1", "junk", "2.9", "-3", "3.0.0", "三"])
def test_an_older_or_unknown_peer_is_not_sent_them(version):
    assert not speaks_2022(version)
    with pytest.raises(EditionTooOld) as caught:
        check_edition("PTZPreciseCtrl", version)
    assert caught.value.command == "PTZPreciseCtrl"
    assert caught.value.gb_version == (version or "2.0")
    assert isinstance(caught.value, SipError)


@pytest.mark.parametrize("version", ["3.0", " 3.0 ", "3", "3.1", "4.0"])
def test_a_newer_peer_is(version):
    assert speaks_2022(version)
    check_edition("PTZPreciseCtrl", version)


def test_force_overrules():
    check_edition("OSDConfig", "2.0", is_forced=True)


@given(st.text() | st.none())
def test_any_header_value_gives_a_version(value):
    assert len(read_version(value)) <= 8
    assert read_version(read_version(value)) == read_version(value)


def test_a_missing_version_is_that_of_2016():
    assert read_version(None) == read_version("") == "2.0"
    assert read_version(" 3.0 ") == "3.0"
