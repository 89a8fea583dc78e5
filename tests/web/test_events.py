"""Events over the WebSocket: the right ones to the right people, bounded, until logout."""

import json
from dataclasses import dataclass
from typing import ClassVar

import pytest
from aiohttp import ClientWebSocketResponse, WSServerHandshakeError

import vms.events
from tests.vms.bench import eventually
from tests.web.conftest import Client, Connect
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, DEVICE, NOON, UNKNOWN, alarm, attempt
from vms.events import (
    AlarmRaised,
    AlarmUpdated,
    CatalogMerged,
    ChannelStatusChanged,
    DetectionsMade,
    DeviceStatusChanged,
    Event,
    LiveStatusChanged,
    RegistrationAttempted,
    SegmentRecorded,
)
from vms.records import Box, LiveReason, LiveState, LiveStatus, LiveStep
from web.events import FORMS, TYPES, build_event
from web.language import Language

EVENTS = "/api/v1/events"
DEVICE_ON = DeviceStatusChanged(
    at=NOON, device_id=DEVICE, online=True, registered=True, cause="registered"
)
ATTEMPT = RegistrationAttempted(at=NOON, attempt=attempt())


async def heard(socket: ClientWebSocketResponse) -> dict[str, object]:
    message: dict[str, object] = json.loads(await socket.receive_str(timeout=60))
    return message


def form(event: Event, language: Language = Language.ZH) -> dict[str, object]:
    facts: dict[str, object] = json.loads(build_event(event, language))
    return facts


async def test_an_event_arrives_with_type_time_and_facts(
    viewer: Client, services: FakeServices
) -> None:
    async with viewer.ws_connect(EVENTS) as socket:
        services.bus.publish(DEVICE_ON)
        assert await heard(socket) == {
            "type": "device_status",
            "at": "2026-11-20T04:00:00Z",
            "id": DEVICE,
            "online": True,
            "registered": True,
            "cause": "registered",
            "address": None,
        }


async def test_only_what_was_asked_for_arrives(viewer: Client, services: FakeServices) -> None:
    async with viewer.ws_connect(f"{EVENTS}?types=alarm_raised,catalog_merged") as socket:
        services.bus.publish(DEVICE_ON)
        services.bus.publish(AlarmRaised(at=NOON, alarm=alarm()))
        assert (await heard(socket))["type"] == "alarm_raised"


async def test_attempts_to_register_are_for_operators_only(
    viewer: Client, operator: Client, services: FakeServices
) -> None:
    async with viewer.ws_connect(EVENTS) as low, operator.ws_connect(EVENTS) as high:
        services.bus.publish(ATTEMPT)
        services.bus.publish(DEVICE_ON)
        assert (await heard(low))["type"] == "device_status"
        assert (await heard(high))["device_id"] == UNKNOWN
    with pytest.raises(WSServerHandshakeError) as caught:
        await viewer.ws_connect(f"{EVENTS}?types=registration_attempt")
    assert caught.value.status == 403


@pytest.mark.parametrize("types", ["weather", "alarm_raised,", ",", "ALARM_RAISED", "event", "a b"])
async def test_unknown_events_are_refused(viewer: Client, types: str) -> None:
    with pytest.raises(WSServerHandshakeError) as caught:
        await viewer.ws_connect(f"{EVENTS}?types={types}")
    assert caught.value.status == 400


async def test_a_slow_listener_loses_the_oldest_and_is_told_how_many(
    viewer: Client, services: FakeServices
) -> None:
    async with viewer.ws_connect(EVENTS) as socket:
        for _ in range(10):
            services.bus.publish(DEVICE_ON)
        assert await heard(socket) == {
            "type": "dropped",
            "at": "2026-11-20T04:00:00Z",
            "count": 6,
        }
        assert [(await heard(socket))["type"] for _ in range(4)] == ["device_status"] * 4
        services.bus.publish(DEVICE_ON)
        assert (await heard(socket))["type"] == "device_status"


async def test_there_are_no_more_listeners_than_places(
    viewer: Client, services: FakeServices
) -> None:
    async with viewer.ws_connect(EVENTS), viewer.ws_connect(EVENTS):
        with pytest.raises(WSServerHandshakeError) as caught:
            await viewer.ws_connect(EVENTS)
        assert caught.value.status == 503
        assert len(services.bus.queues()) == 2


async def test_a_listener_that_leaves_is_forgotten(viewer: Client, services: FakeServices) -> None:
    for _ in range(5):
        socket = await viewer.ws_connect(EVENTS)
        await socket.close()
    async with viewer.ws_connect(EVENTS):
        await eventually(lambda: len(services.bus.queues()) == 1)


async def test_the_end_of_the_session_closes_the_socket(
    connect: Connect, services: FakeServices
) -> None:
    token = services.users.open_session("viewer")
    client = await connect(Authorization=f"Bearer {token}")
    socket = await client.ws_connect(EVENTS)
    assert (await client.delete("/api/v1/session")).status == 204
    message = await socket.receive(timeout=60)
    assert (message.data, message.extra) == (4401, "session ended")
    await socket.close()


async def test_a_plain_request_is_told_to_upgrade(viewer: Client) -> None:
    answer = await viewer.get(EVENTS)
    assert (answer.status, (await answer.json())["code"]) == (426, "upgrade_required")


def test_every_event_of_the_platform_has_a_form_and_another_stays_inside() -> None:
    declared = {one for one in vars(vms.events).values() if isinstance(one, type)}
    assert set(FORMS) == {one for one in declared if issubclass(one, Event)} - {Event}
    assert len(TYPES) == len(FORMS)

    @dataclass(frozen=True, slots=True, kw_only=True)
    class SecretMade(Event):
        type: ClassVar[str] = "secret_made"

    assert SecretMade.type not in TYPES


def test_an_alarm_event_is_the_full_alarm() -> None:
    facts = form(AlarmUpdated(at=NOON, alarm=alarm(snapshot="a.jpg")))
    assert (facts["type"], facts["id"], facts["level"]) == ("alarm_updated", "1", 2)
    assert facts["snapshot_url"] == "/api/v1/alarms/1/snapshot"


def test_detections_name_their_picture_on_the_time_line() -> None:
    event = DetectionsMade(
        at=NOON,
        channel=CHANNEL,
        scene_id=7,
        pts_ticks=90_000,
        wall=NOON,
        width=1280,
        height=720,
        boxes=(Box("person", 0.5, (0.0, 0.0, 0.5, 1.0), 3),),
        region=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),
    )
    facts = form(event)
    assert (facts["pts_ticks"], facts["width"], facts["height"]) == (90_000, 1280, 720)
    assert facts["boxes"] == [
        {"label": "person", "score": 0.5, "box": [0.0, 0.0, 0.5, 1.0], "track": 3}
    ]
    assert facts["region"] == [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]


def test_a_live_status_is_told_in_the_listeners_language() -> None:
    status = LiveStatus(CHANNEL, LiveState.FAILED, LiveStep.MEDIA, LiveReason.NO_MEDIA)
    event = LiveStatusChanged(at=NOON, status=status)
    assert form(event, Language.EN)["title"] == "The device sends no media"
    assert form(event)["title"] == "设备没有发送码流"
    assert form(event)["code"] == CHANNEL


def test_a_channel_and_a_catalogue_name_what_changed(services: FakeServices) -> None:
    event = ChannelStatusChanged(
        at=NOON,
        code=CHANNEL,
        device_id=DEVICE,
        online=False,
        registered=True,
        says_on=False,
        proven=True,
        cause="catalog_off",
    )
    assert (form(event)["code"], form(event)["recording"]) == (CHANNEL, None)
    merged = CatalogMerged(
        at=NOON, device_id=DEVICE, added=1, updated=2, missing=3, returned=4, complete=True
    )
    assert (form(merged)["id"], form(merged)["missing"]) == (DEVICE, 3)
    recorded = form(SegmentRecorded(at=NOON, segment=services.recording.segment()))
    assert (recorded["channel"], recorded["url"]) == (CHANNEL, "/api/v1/recordings/1/file")
    assert "path" not in recorded
