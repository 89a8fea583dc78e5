import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel_registry.literal import degrees, fit, storable


@pytest.mark.parametrize(
    "name",
    [
        "'; DROP TABLE channel;--",
        "<script>alert(1)</script>",
        "\u202egnp.exe",
        "a\x07b\x1bc",
        "=1+1",
    ],
)
def test_hostile_names_are_kept_literally(name: str) -> None:
    assert fit(name, 255) == (name, 0)


def test_nul_and_lone_surrogates_are_replaced() -> None:
    assert storable("a\x00b\ud800c") == "a\ufffdb\ufffdc"


def test_a_name_of_4_kilobytes_is_cut_and_its_length_is_told() -> None:
    assert fit("矿" * 4096, 255) == ("矿" * 255, 4096)


@given(st.text(max_size=400), st.integers(0, 300))
def test_what_fits_can_be_encoded_and_is_short_enough(text: str, limit: int) -> None:
    kept, whole = fit(text, limit)
    kept.encode("utf-8")
    assert "\x00" not in kept
    assert len(kept) <= limit
    assert whole == 0 or whole > limit


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, 180.1, -181.0])
def test_positions_off_the_earth_are_none(value: float | None) -> None:
    assert degrees(value, 180.0) is None


def test_positions_on_the_earth_are_kept() -> None:
    assert degrees(112.863, 180.0) == 112.863
