import pytest

from tests.web.conftest import Client, Connect
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, DEVICE, UNKNOWN
from vms.records import Cause, LiveReason, LiveState, LiveStatus, Rung
from vms.services.doctor.facts import Chart
from vms.services.doctor.ladder import build_ladder
from web.api.live_status import build_live
from web.language import Language
from web.words.doctor import FACTS, RUNGS, VERDICTS

PATH = f"/api/v1/channels/{CHANNEL}/doctor"


async def test_verdict_comes_with_its_ladder_in_the_reader_s_language(viewer: Client) -> None:
    report = await (await viewer.get(PATH, headers={"Accept-Language": "zh"})).json()
    assert (report["cause"], report["grade"]) == ("no_packets", "failed")
    assert "数据包" in report["title"] and "防火墙" in report["hint"]
    assert [step["mark"] for step in report["ladder"]] == ["ok", "failed", "unknown"]
    assert report["ladder"][0]["facts"] == [{"name": "device", "label": "设备", "value": DEVICE}]
    assert [each["transport"] for each in report["tried"]] == ["udp", "tcp-passive"]
    english = await (await viewer.get(PATH, headers={"Accept-Language": "en"})).json()
    assert english["title"] == VERDICTS["no_packets"][1]


async def test_whoever_may_watch_may_examine(viewer: Client, services: FakeServices) -> None:
    answer = await viewer.post(PATH)
    assert answer.status == 202
    assert (await answer.json())["running"] is True
    assert services.doctor.examined == [CHANNEL]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_unknown_channel_is_told(viewer: Client, method: str) -> None:
    answer = await viewer.request(method, PATH.replace(CHANNEL, UNKNOWN))
    assert (answer.status, (await answer.json())["code"]) == (404, "channel_not_found")


async def test_what_worked_is_shown_and_can_be_forgotten(connect: Connect) -> None:
    path = f"/api/v1/devices/{DEVICE}/transport"
    client = await connect("operator")
    found = await (await client.get(path)).json()
    assert (found["transport"], found["evidence"]) == ("tcp-passive", CHANNEL)
    assert (await (await client.delete(path)).json())["transport"] is None
    assert (await (await client.get(path)).json())["transport"] is None


@pytest.mark.parametrize("cause", Cause)
def test_every_verdict_has_words_in_both_languages(cause: Cause) -> None:
    title_zh, title_en, hint_zh, hint_en = VERDICTS[cause.value]
    for text in (title_zh, hint_zh):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text)
    for text in (title_en, hint_en):
        assert not any("\u4e00" <= letter <= "\u9fff" for letter in text)
    assert title_zh != hint_zh and title_en != hint_en


def test_no_words_are_left_over() -> None:
    assert set(VERDICTS) == {cause.value for cause in Cause}
    assert set(RUNGS) == {rung.value for rung in Rung}


def test_every_fact_of_the_ladder_has_a_name() -> None:
    chart = Chart(CHANNEL)
    named = {name for step in build_ladder(chart) for name, _ in step.facts}
    assert named <= set(FACTS)


def test_a_tile_says_the_doctor_s_verdict_where_there_is_one() -> None:
    status = LiveStatus(CHANNEL, LiveState.FAILED, reason=LiveReason.NO_MEDIA)
    assert build_live(status, Language.EN).title == "The device sends no media"
    judged = LiveStatus(
        CHANNEL, LiveState.FAILED, reason=LiveReason.NO_MEDIA, verdict="tcp_not_made"
    )
    live = build_live(judged, Language.EN)
    assert (live.verdict, live.title, live.hint) == (
        "tcp_not_made",
        VERDICTS["tcp_not_made"][1],
        VERDICTS["tcp_not_made"][3],
    )
