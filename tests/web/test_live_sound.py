"""Listening to a camera over a WebSocket."""

from types import SimpleNamespace

import pytest
from aiohttp import WSServerHandshakeError

from stream_relay.access_unit import AccessUnit, Codec, Kind
from tests.web.conftest import Client
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, UNKNOWN


def chunk(unit: AccessUnit) -> SimpleNamespace:
    return SimpleNamespace(kind="media", data=unit.data, unit=unit)


async def test_samples_come_and_pictures_do_not(viewer: Client, services: FakeServices) -> None:
    async with viewer.ws_connect(f"/live/{CHANNEL}.sound") as socket:
        watch = services.live.watches[CHANNEL]
        picture = AccessUnit(Kind.VIDEO, Codec.H264, 0, 0, True, b"picture", None)
        voice = AccessUnit(Kind.AUDIO, Codec.G711A, 0, 0, True, bytes([0xD5]) * 320, None)
        watch.items.put_nowait(chunk(picture))
        watch.items.put_nowait(chunk(voice))
        assert len(await socket.receive_bytes()) == 640


async def test_an_unknown_camera_has_no_sound(viewer: Client) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await viewer.ws_connect(f"/live/{UNKNOWN}.sound")
    assert refused.value.status == 404
