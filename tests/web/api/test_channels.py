from dataclasses import replace

from tests.web.conftest import Client, Connect
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, DEVICE, UNKNOWN
from vms.records import LiveReason, LiveState, LiveStatus, LiveStep

ORGANISATION = "org-1"


async def test_a_list_is_filtered_as_asked(viewer: Client, services: FakeServices) -> None:
    answer = await viewer.get(
        f"/api/v1/channels?category=0601&organisation={ORGANISATION}&device={DEVICE}&online=false&q=井"
    )
    assert (await answer.json())["total"] == 2
    asked = services.directory.asked
    assert (asked["category"], asked["organisation"]) == ("0601", ORGANISATION)
    assert (asked["device"], asked["online"], asked["q"]) == (DEVICE, False, "井")


async def test_the_three_facts_stay_apart(viewer: Client, services: FakeServices) -> None:
    cameras = services.directory.cameras
    cameras[CHANNEL] = replace(cameras[CHANNEL], registered=True, says_on=False, proven=True)
    found = await (await viewer.get(f"/api/v1/channels/{CHANNEL}")).json()
    assert (found["registered"], found["says_on"], found["proven"]) == (True, False, True)
    assert found["live"] is None


async def test_markup_in_a_name_stays_text(viewer: Client) -> None:
    answer = await viewer.get(f"/api/v1/channels/{CHANNEL}")
    assert answer.content_type == "application/json"
    assert (await answer.json())["name"] == "主井口 <script>"


async def test_a_live_failure_is_told_in_the_readers_language(
    connect: Connect, services: FakeServices
) -> None:
    live = LiveStatus(CHANNEL, LiveState.FAILED, LiveStep.MEDIA, LiveReason.NO_MEDIA, detail="10 s")
    cameras = services.directory.cameras
    cameras[CHANNEL] = replace(cameras[CHANNEL], live=live)
    client = await connect("viewer", **{"Accept-Language": "en"})
    found = (await (await client.get(f"/api/v1/channels/{CHANNEL}")).json())["live"]
    assert (found["state"], found["step"], found["reason"]) == ("failed", "media", "no_media")
    assert found["title"] == "The device sends no media"
    assert found["hint"].startswith("It agreed but nothing arrives")
    assert found["codec"] is None and found["width"] is None
    page = await (await client.get("/api/v1/channels")).json()
    assert page["items"][0]["live"]["title"] == "The device sends no media"


async def test_a_change_leaves_out_what_is_not_given(admin: Client, services: FakeServices) -> None:
    answer = await admin.patch(f"/api/v1/channels/{CHANNEL}", json={"category_code": "0601"})
    found = await answer.json()
    assert (found["category_code"], found["name"]) == ("0601", "主井口 <script>")
    answer = await admin.patch(f"/api/v1/channels/{CHANNEL}", json={"category_code": ""})
    assert (await answer.json())["category_code"] is None
    assert (await admin.patch(f"/api/v1/channels/{CHANNEL}", json={"code": "1"})).status == 400


async def test_an_unknown_channel_is_not_found(admin: Client) -> None:
    assert (await admin.get(f"/api/v1/channels/{UNKNOWN}")).status == 404
    assert (await admin.patch(f"/api/v1/channels/{UNKNOWN}", json={})).status == 404


async def test_trees_are_browsed_node_by_node(viewer: Client) -> None:
    roots = (await (await viewer.get("/api/v1/tree?by=category")).json())["nodes"]
    assert roots == [
        {
            "id": "06",
            "kind": "category",
            "name": "主井口",
            "parent": None,
            "count": 2,
            "online_count": 1,
            "has_children": True,
            "channel": None,
        }
    ]
    leaves = (await (await viewer.get("/api/v1/tree?by=category&parent=06")).json())["nodes"]
    assert leaves[0]["kind"] == "channel" and leaves[0]["channel"]["code"] == CHANNEL
    assert (await viewer.get("/api/v1/tree?by=colour")).status == 400
