"""County, city and province in a chain above a simulated mine: everything through three levels."""

from collections.abc import Iterator

import pytest

from tests.e2e.cascade import Chain, running_chain, scorecard, until_equal
from tests.e2e.media import probe

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CAMERAS = 4


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with running_chain(tmp_path_factory.mktemp("chain"), CAMERAS) as running:
        yield running


def test_the_catalogue_arrives_at_the_top_with_names_codes_and_parents(chain: Chain) -> None:
    until_equal(chain.county, chain.city)
    until_equal(chain.city, chain.province)
    below = {each["code"]: each["name"] for each in chain.channels}
    for platform in (chain.city, chain.province):
        above = {each["code"]: each["name"] for each in platform.channels_online(CAMERAS)}
        assert above == below


def test_a_live_picture_reaches_the_top_and_one_stream_serves_two_levels(chain: Chain) -> None:
    code = chain.channels[0]["code"]
    urls = chain.live(chain.province, code)
    seen = probe(urls["http_flv"], seconds=2)
    assert (seen.codec, seen.width, seen.height) == ("h264", 640, 360)
    assert seen.frames > 0
    city = chain.live(chain.city, code)
    assert probe(city["http_flv"], seconds=1).frames > 0
    others = [each["code"] for each in chain.channels if each["code"] != code]
    for other in others:  # the picture belongs to the code
        assert chain.county.get(f"/api/v1/channels/{other}/live").json()["state"] == "idle"
    card = scorecard(chain.county, chain.city)
    assert (card["streams"], card["invites_ok"]) == (1, 1)
    assert card["bytes"] > 0
    chain.until_idle(code)
    chain.county.eventually(
        f"/api/v1/platforms/{chain.city.env['VMS_SIP__SERVER_ID']}",
        lambda body: body["scorecard"]["streams"] == 0,
    )
