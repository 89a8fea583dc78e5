"""Platforms that are above and below each other: nothing goes round in circles."""

from collections.abc import Iterator

import pytest

from tests.e2e.cascade import (
    CITY,
    COUNTY,
    PROVINCE,
    join,
    make_platforms,
    scorecard,
    server_id,
    until_equal,
)
from tests.e2e.media import probe
from tests.e2e.platform import Platform

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CAMERAS = 2


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, ...]]:
    """Each shares everything with the next, the last with the first, the first two both ways."""
    first, second, third = make_platforms(
        tmp_path_factory.mktemp("ring"), COUNTY, CITY, PROVINCE, VMS_SIP__KEEPALIVE_INTERVAL_S="5"
    )
    with first.run(), second.run(), third.run():
        join(first, second)
        join(second, third)
        join(third, first)
        join(second, first)
        with first.simulate("--boxes", "1", "--channels", str(CAMERAS)):
            first.channels_online(CAMERAS)
            yield first, second, third


def codes(platform: Platform) -> list[str]:
    items = platform.get("/api/v1/channels?size=500").json()["items"]
    return sorted(item["code"] for item in items)


def test_catalogues_do_not_grow(ring: tuple[Platform, ...]) -> None:
    first, second, third = ring
    own = codes(first)
    assert len(own) == CAMERAS
    for platform in (second, third):
        platform.channels_online(CAMERAS)
    for lower, upper in ((first, second), (second, third), (third, first), (second, first)):
        until_equal(lower, upper)
    for platform in ring:
        assert codes(platform) == own
    homes = {item["device_id"] for item in first.channels_online(CAMERAS)}
    assert not homes & {server_id(second), server_id(third)}, "a camera has moved to a platform"
    back = second.get(f"/api/v1/platforms/{server_id(first)}").json()
    assert back["channels"] == 0


def test_a_picture_goes_round_once_and_only_upward(ring: tuple[Platform, ...]) -> None:
    first, second, third = ring
    third.channels_online(CAMERAS)
    code = codes(first)[0]
    path = f"/api/v1/channels/{code}/live"
    urls = third.post(path, {}).json()["urls"]
    third.eventually(path, lambda status: status["state"] == "live")
    assert probe(urls["http_flv"], seconds=1).frames > 0
    assert scorecard(first, second)["streams"] == 1
    assert scorecard(second, third)["streams"] == 1
    assert scorecard(second, first)["invites"] == scorecard(third, first)["invites"] == 0


def test_nobody_is_above_itself(ring: tuple[Platform, ...]) -> None:
    first = ring[0]
    draft = {"id": server_id(first), "name": "自己", "host": "127.0.0.1", "port": first.sip_port}
    refused = first.post("/api/v1/platforms", draft)
    assert (refused.status, refused.json()["code"]) == (409, "platform_loop")
