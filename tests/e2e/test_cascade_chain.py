"""County, city and province in a chain above a simulated mine: everything through three levels."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
    assert card["streams"] == 1, "the city passes on what it gets itself"
    assert card["bytes"] > 0 and card["first_frame_ms"] > 0
    chain.until_idle(code)
    chain.county.eventually(
        f"/api/v1/platforms/{chain.city.env['VMS_SIP__SERVER_ID']}",
        lambda body: body["scorecard"]["streams"] == 0,
    )


def stretch(chain: Chain, code: str) -> tuple[datetime, datetime]:
    """A recorded stretch of yesterday, found by the province through two platforms."""
    day = (datetime.now(UTC) + timedelta(hours=8) - timedelta(days=1)).date().isoformat()
    query = f"start={day}T00:00:00%2B08:00&end={day}T23:59:59%2B08:00&source=device"
    body = chain.province.eventually(
        f"/api/v1/channels/{code}/recordings?{query}",
        lambda found: found["search"]["state"] == "complete",
    )
    spans = [tuple(datetime.fromisoformat(i[n]) for n in ("start", "end")) for i in body["items"]]
    start, end = max(spans, key=lambda span: span[1] - span[0])
    assert end - start > timedelta(minutes=2), body
    return start, end


def test_recordings_are_found_played_and_sought_at_the_top(chain: Chain) -> None:
    code = chain.channels[1]["code"]
    start, end = stretch(chain, code)
    province = chain.province
    draft = {"channel": code, "start": start.isoformat(), "end": end.isoformat()}
    made = province.post("/api/v1/playbacks", draft)
    assert made.status in (200, 201, 202), made.body
    path = f"/api/v1/playbacks/{made.json()['id']}"
    playing = province.eventually(path, lambda shown: shown["state"] in ("playing", "failed"))
    assert playing["state"] == "playing", playing
    assert probe(playing["urls"]["http_flv"], seconds=1).frames > 0
    place = start + timedelta(seconds=60)
    sought = province.request("PATCH", path, {"position": place.isoformat()})
    assert sought.status == 200, sought.body

    def is_there(shown: dict[str, Any]) -> bool:
        return datetime.fromisoformat(shown["position"]) > place + timedelta(seconds=1)

    province.eventually(path, is_there)
    held = province.request("PATCH", path, {"paused": True})
    assert (held.status, held.json()["state"]) == (200, "paused")
    gone_on = province.request("PATCH", path, {"paused": False, "speed": 2})
    assert (gone_on.status, gone_on.json()["speed"]) == (200, 2)
    assert province.request("DELETE", path).status in (200, 204)
    for platform, upper in ((chain.city, province), (chain.county, chain.city)):
        platform.eventually(
            f"/api/v1/platforms/{upper.env['VMS_SIP__SERVER_ID']}",
            lambda body: body["scorecard"]["streams"] == 0,
        )


def test_a_download_at_the_top_is_whole_and_plays(chain: Chain, tmp_path: Path) -> None:
    code = chain.channels[2]["code"]
    start, _ = stretch(chain, code)
    begin = start + timedelta(seconds=20)
    body = {
        "channel": code,
        "start": begin.isoformat(),
        "end": (begin + timedelta(seconds=12)).isoformat(),
        "speed": 2,
    }
    made = chain.province.post("/api/v1/downloads", body).json()
    done = chain.province.eventually(
        f"/api/v1/downloads/{made['id']}", lambda found: found["state"] in ("done", "failed")
    )
    assert (done["state"], done["progress"]) == ("done", 1.0), done
    file = tmp_path / "recording.mp4"
    file.write_bytes(chain.province.get(done["urls"][0]).body)
    shown = probe(str(file))
    assert (shown.codec, shown.errors) == ("h264", "")
    # Datagrams may be lost on a loaded machine at each of three levels; the length stays.
    assert 10 <= shown.duration_s <= 14


def test_a_head_is_turned_from_the_top(chain: Chain) -> None:
    path = f"/api/v1/channels/{chain.dome['code']}/ptz"
    before = chain.county.get(f"{path}/position").json()
    # The province is told that the city speaks 2016, which cannot ask where a head looks.
    chain.city.eventually(f"{path}/position", lambda seen: seen == before)

    def turn(_: dict[str, Any]) -> bool:
        """A lease ends by itself: hold the key."""
        assert chain.province.post(path, {"pan": 0.5}).status == 200
        return bool(chain.county.get(f"{path}/position").json()["pan"] != before["pan"])

    chain.province.eventually(path, turn)
    status = chain.county.get(path).json()
    assert chain.city.env["VMS_SIP__SERVER_ID"] in status["holder"]
    assert chain.province.post(path, {}).status == 200
    chain.county.eventually(path, lambda seen: not seen["is_moving"])


def test_an_alarm_rises_to_the_top(chain: Chain) -> None:
    code = chain.channels[3]["code"]
    chain.mine.type(f"alarm {code} 5 6")
    for platform in chain.levels:
        page = platform.eventually(
            f"/api/v1/alarms?channel={code}", lambda page: page["items"] != []
        )
        [alarm] = page["items"]
        assert (alarm["detail"]["method"], alarm["detail"]["type"]) == ("5", "6")
        assert alarm["channel"] == code


def test_a_camera_that_goes_off_goes_off_at_the_top_and_comes_back(chain: Chain) -> None:
    code = chain.channels[3]["code"]
    path = f"/api/v1/channels/{code}"
    chain.mine.type(f"vlost {code}")
    for platform in chain.levels:
        platform.eventually(path, lambda channel: not channel["online"])
    chain.mine.type(f"on {code}")
    for platform in chain.levels:
        platform.eventually(path, lambda channel: channel["online"])


def test_commands_for_what_is_kept_back_go_nowhere(chain: Chain) -> None:
    """The county keeps a camera back: above it is gone, and comes again."""
    code = chain.channels[1]["code"]
    share = f"/api/v1/platforms/{chain.city.env['VMS_SIP__SERVER_ID']}/share"
    chain.county.request("PUT", share, {"everything": True, "excluded": [code]})
    for platform in (chain.city, chain.province):
        platform.eventually(f"/api/v1/channels/{code}", lambda channel: channel["missing_since"])
    assert chain.county.get(f"/api/v1/channels/{code}").json()["online"]
    chain.county.request("PUT", share, {"everything": True})
    for platform in (chain.city, chain.province):
        platform.eventually(f"/api/v1/channels/{code}", lambda channel: channel["online"])
