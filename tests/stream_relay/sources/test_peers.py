import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.sources.peers import (
    IPV6_MARK,
    hash_ipv6,
    host_key,
    host_keys,
    peer_key,
    peer_name,
    remember,
)


@given(st.ip_addresses(v=4), st.integers(0, 65535))
def test_ipv4_peers_are_their_address_and_port(address, port):
    key = peer_key(str(address), port)
    assert key == int(address) << 16 | port
    assert peer_name(key) == (str(address), port)


@given(st.ip_addresses(v=6), st.integers(0, 65535))
def test_ipv6_peers_fit_into_63_bits_and_are_never_ipv4_ones(address, port):
    if address.ipv4_mapped is None:
        assert IPV6_MARK << 16 <= peer_key(str(address), port) < 1 << 63


def test_ipv6_peer_that_was_named_is_shown_by_its_name():
    assert peer_name(peer_key("2001:db8::28:181", 9)) == ("2001:db8::28:181", 9)


def test_ipv6_peer_that_compiled_code_met_is_shown_by_its_hash_until_it_is_named():
    packed = bytes.fromhex("20010db8 00000000 00000000 00000077")
    key = hash_ipv6(packed) << 16 | 5
    assert peer_name(key) == (f"ipv6-{(key >> 16) - IPV6_MARK:012x}", 5)
    remember(packed)
    assert peer_name(key) == ("2001:db8::77", 5)


def test_hash_of_an_ipv6_address_is_the_one_that_is_written_down():
    value = 0xCBF29CE484222325
    for byte in bytes(15) + b"\x01":
        value = (value ^ byte) * 0x100000001B3 % 2**64
    assert hash_ipv6(bytes(15) + b"\x01") == 2**46 + (value ^ value >> 46) % 2**46


def test_ipv4_in_ipv6_is_the_ipv4_peer():
    assert peer_key("::ffff:10.0.0.1", 5) == peer_key("10.0.0.1", 5)


def test_names_of_hosts_have_no_key():
    assert host_keys(["camera.example", "10.0.0.1", ""]) == {host_key("10.0.0.1")}
    with pytest.raises(ValueError, match="camera"):
        host_key("camera.example")
