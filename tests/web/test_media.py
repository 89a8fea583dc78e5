"""Live outputs: the picture, the truth while there is none, and clients that do not take it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web

from tests.web.conftest import IMPATIENT, Client, Connect
from tests.web.fake_live import FakeChunk
from tests.web.fake_playback import PLAYBACK
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, OTHER, UNKNOWN
from vms.errors import NotReady
from vms.records import LiveReason, LiveState, LiveStatus, LiveStep
from web.app import create_runner
from web.keys import viewers_key

LIVE = LiveStatus(CHANNEL, LiveState.LIVE, LiveStep.PLAYING)
INIT = FakeChunk("init", b"INIT")
FLV = f"/live/{CHANNEL}.flv"
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket"}
UPGRADE |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
BIG = FakeChunk("media", bytes(1_000_000))


@pytest.fixture(params=[True, False], ids=["handed-over", "written-here"], autouse=True)
def is_handed_over(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both ways to write a picture; the second is that of TLS (see test_handover.py)."""
    if not request.param:
        monkeypatch.setattr("web.media.can_hand_over", lambda _: False)
    return bool(request.param)


def failed(reason: LiveReason, detail: str = "") -> LiveStatus:
    return LiveStatus(CHANNEL, LiveState.FAILED, LiveStep.INVITE, reason, detail)


@pytest.mark.parametrize(
    ("path", "form", "kind"),
    [
        (".flv", "flv", "video/x-flv"),
        (".flv?h265=enhanced", "flv", "video/x-flv"),
        (".flv?h265=legacy", "flv-h265-legacy", "video/x-flv"),
        (".mp4", "fmp4-any-audio", "video/mp4"),
        (".mp4?audio=aac", "fmp4", "video/mp4"),
        (".flv?stream=sub", "flv", "video/x-flv"),
        (".mp4?stream=sub&audio=aac", "fmp4", "video/mp4"),
    ],
)
async def test_a_player_gets_the_chunks_in_the_form_it_asked_for(
    viewer: Client,
    services: FakeServices,
    is_handed_over: bool,
    path: str,
    form: str,
    kind: str,
) -> None:
    watch = services.live.prepare(CHANNEL, LIVE, INIT, FakeChunk("media", b"one"), LIVE, None)
    answer = await viewer.get(f"/live/{CHANNEL}{path}")
    assert (answer.status, answer.content_type) == (200, kind)
    assert await answer.read() == b"INITone"
    if is_handed_over:
        assert "Transfer-Encoding" not in answer.headers and watch.wires == ["http"]
        assert answer.headers["Connection"] == "close"
    else:
        assert answer.headers["Transfer-Encoding"] == "chunked" and watch.wires == []
    assert answer.headers["Cache-Control"] == "no-store"
    assert services.live.opened == [(CHANNEL, form, "viewer 127.0.0.1")]
    assert services.live.streams == ["sub" if "stream=sub" in path else "main"]


async def test_a_player_of_http_1_0_gets_no_chunked_encoding(
    viewer: Client, services: FakeServices
) -> None:
    services.live.prepare(CHANNEL, INIT, None)
    reader, writer = await asyncio.open_connection(viewer.host, viewer.port)
    token = next(iter(services.users.sessions))
    writer.write(f"GET {FLV} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"200 OK" in head and b"chunked" not in head and body == b"INIT"


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (LiveReason.DEVICE_OFFLINE, 409),
        (LiveReason.CHANNEL_NOT_FOUND, 404),
        (LiveReason.INVITE_REFUSED, 502),
        (LiveReason.DEVICE_BUSY, 503),
        (LiveReason.NO_MEDIA, 504),
    ],
)
async def test_a_failure_before_the_first_byte_is_a_problem(
    viewer: Client, services: FakeServices, reason: LiveReason, status: int
) -> None:
    watch = services.live.prepare(CHANNEL, failed(reason, "486 Busy Here"))
    answer = await viewer.get(FLV)
    problem = await answer.json()
    assert (answer.status, problem["code"]) == (status, reason.value)
    assert answer.content_type == "application/problem+json"
    assert watch.is_left.is_set()


async def test_an_old_failure_is_not_the_answer_to_a_new_attempt(
    viewer: Client, services: FakeServices
) -> None:
    watch = services.live.prepare(CHANNEL, INIT, None)
    watch.status = failed(LiveReason.DEVICE_BUSY)
    assert await (await viewer.get(FLV)).read() == b"INIT"


async def test_a_codec_that_does_not_fit_is_unplayable(
    viewer: Client, services: FakeServices
) -> None:
    services.live.prepare(CHANNEL, LIVE, failed(LiveReason.UNPLAYABLE, "SVAC"))
    answer = await viewer.get(FLV)
    assert (answer.status, (await answer.json())["code"]) == (415, "unplayable")


@pytest.mark.parametrize("limits", [IMPATIENT])
async def test_no_picture_in_time_is_a_time_out(viewer: Client, services: FakeServices) -> None:
    watch = services.live.prepare(CHANNEL)
    answer = await viewer.get(FLV)
    assert (answer.status, (await answer.json())["code"]) == (504, "no_media")
    assert watch.is_left.is_set()


async def test_a_stopped_channel_is_told(viewer: Client, services: FakeServices) -> None:
    services.live.prepare(CHANNEL, None)
    answer = await viewer.get(FLV)
    assert (answer.status, (await answer.json())["code"]) == (503, "stopped")


@pytest.mark.parametrize("output", ["flv", "mp4", "ws"])
async def test_unknown_and_malformed_channels_are_refused(viewer: Client, output: str) -> None:
    assert (await viewer.get(f"/live/{UNKNOWN}.{output}", headers=UPGRADE)).status == 404
    for code in ("1", "x" * 20, CHANNEL + "0", "..%2f..%2fetc%2fpasswd", "%00" * 20):
        assert (await viewer.get(f"/live/{code}.{output}")).status == 400


@pytest.mark.parametrize("query", [".flv?speed=2", ".flv?h265=best", ".mp4?audio=none"])
async def test_an_option_that_does_not_exist_is_refused(viewer: Client, query: str) -> None:
    assert (await viewer.get(f"/live/{CHANNEL}{query}")).status == 400


async def test_a_player_ends_with_its_stream(viewer: Client, services: FakeServices) -> None:
    watch = services.live.prepare(CHANNEL, INIT, failed(LiveReason.STALLED), INIT)
    assert await (await viewer.get(FLV)).read() == b"INIT"
    await asyncio.wait_for(watch.is_left.wait(), 5)


async def test_a_player_that_leaves_while_nothing_comes_frees_its_place(
    app: web.Application, viewer: Client, services: FakeServices
) -> None:
    watch = services.live.prepare(CHANNEL, INIT)
    answer = await viewer.get(FLV)
    assert app[viewers_key].taken == 1
    answer.close()
    await asyncio.wait_for(watch.is_left.wait(), 60)
    assert app[viewers_key].taken == 0


async def test_there_are_no_more_viewers_than_places(
    app: web.Application, viewer: Client, services: FakeServices
) -> None:
    services.live.prepare(CHANNEL, INIT)
    services.live.prepare(OTHER, INIT)
    held = [await viewer.get(FLV), await viewer.get(f"/live/{OTHER}.flv")]
    answer = await viewer.get(FLV)
    assert (answer.status, (await answer.json())["code"]) == (503, "too_many_viewers")
    with pytest.raises(WSServerHandshakeError) as caught:
        await viewer.ws_connect(f"/live/{CHANNEL}.ws")
    assert caught.value.status == 503
    assert app[viewers_key].refused == 2
    for answer in held:
        answer.close()


@pytest.mark.parametrize("limits", [IMPATIENT])
@pytest.mark.parametrize("upgrade", [False, True])
async def test_a_client_that_takes_nothing_is_closed_and_counted(
    app: web.Application, viewer: Client, services: FakeServices, upgrade: bool
) -> None:
    watch = services.live.prepare(CHANNEL, INIT, *[BIG] * 30)
    stalled = open_deaf_client(viewer, next(iter(services.users.sessions)), upgrade=upgrade)
    await asyncio.wait_for(watch.is_left.wait(), 60)
    assert (app[viewers_key].slow, app[viewers_key].taken) == (1, 0)
    assert watch.items.qsize() > 0, "it was not fed to the end"
    assert watch.was_closed_first
    stalled.close()


async def test_a_slow_client_does_not_hold_up_the_others(
    viewer: Client, services: FakeServices
) -> None:
    services.live.prepare(CHANNEL, INIT, *[BIG] * 30)
    stalled = open_deaf_client(viewer, next(iter(services.users.sessions)), upgrade=False)
    services.live.prepare(OTHER, INIT, *[BIG] * 3, None)
    answer = await viewer.get(f"/live/{OTHER}.flv")
    assert len(await answer.read()) == 3_000_004
    stalled.close()


async def test_a_reader_that_gave_up_ends_the_player(
    app: web.Application, viewer: Client, services: FakeServices, is_handed_over: bool
) -> None:
    watch = services.live.prepare(CHANNEL, INIT, NotReady(code="viewer_too_slow"))
    answer = await viewer.get(FLV)
    if is_handed_over:
        assert await answer.read() in (b"", b"INIT"), "such a body ends with its connection"
    else:
        with pytest.raises(Exception, match="payload|closed|reset|disconnected"):
            await answer.read()
    await asyncio.wait_for(watch.is_left.wait(), 5)
    assert app[viewers_key].slow == 1


def open_deaf_client(client: Client, token: str, *, upgrade: bool) -> socket.socket:
    """A connection that asks for the picture and then never reads."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect((client.host, client.port))
    lines = [f"Host: {client.host}", f"Authorization: Bearer {token}"]
    if upgrade:
        lines += [f"{name}: {value}" for name, value in UPGRADE.items()]
    path = f"/live/{CHANNEL}.{'ws' if upgrade else 'flv'}"
    deaf.sendall("\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode())
    return deaf


# ---------------------------------------------------------------- WebSocket


@pytest.fixture
async def screen(connect: Connect) -> AsyncIterator[Client]:
    yield await connect("viewer", **{"Accept-Language": "en"})


async def told(screen: ClientWebSocketResponse) -> dict[str, object]:
    message: dict[str, object] = json.loads(await screen.receive_str(timeout=60))
    return message


async def test_a_screen_hears_the_truth_and_then_sees_the_picture(
    screen: Client, services: FakeServices
) -> None:
    services.live.prepare(
        CHANNEL, LIVE, INIT, FakeChunk("media", b"one"), failed(LiveReason.STALLED), LIVE, INIT
    )
    async with screen.ws_connect(f"/live/{CHANNEL}.ws") as seen:
        first = await told(seen)
        assert (first["type"], first["state"], first["code"]) == ("state", "connecting", CHANNEL)
        assert (await told(seen))["state"] == "live"
        assert await told(seen) == {
            "type": "init",
            "mime": 'video/mp4; codecs="avc1.64001f"',
            "codec": "h264",
            "width": 1280,
            "height": 720,
        }
        assert await seen.receive_bytes() == b"INIT"
        assert await seen.receive_bytes() == b"one"
        stalled = await told(seen)
        assert (stalled["state"], stalled["reason"]) == ("failed", "media_stalled")
        assert stalled["title"] == "The media stopped" and stalled["hint"]
        assert (await told(seen))["state"] == "live"
        assert (await told(seen))["type"] == "init"
    assert services.live.opened == [(CHANNEL, "fmp4", "viewer 127.0.0.1")]


async def test_a_screen_is_told_each_state_once(screen: Client, services: FakeServices) -> None:
    services.live.prepare(CHANNEL, LIVE, LIVE, LIVE, None)
    async with screen.ws_connect(f"/live/{CHANNEL}.ws") as seen:
        texts = [await told(seen) for _ in range(3)]
    assert [text.get("state") for text in texts] == ["connecting", "live", None]
    assert texts[2] == {"type": "ended", "reason": "stopped"}


async def test_a_screen_stays_while_there_is_no_picture(
    screen: Client, services: FakeServices
) -> None:
    watch = services.live.prepare(CHANNEL, failed(LiveReason.DEVICE_OFFLINE))
    async with screen.ws_connect(f"/live/{CHANNEL}.ws") as seen:
        await told(seen)
        assert (await told(seen))["reason"] == "device_offline"
        watch.items.put_nowait(LIVE)
        assert (await told(seen))["state"] == "live"


async def test_a_screen_without_video_track_is_told_so(
    screen: Client, services: FakeServices
) -> None:
    services.live.prepare(CHANNEL, FakeChunk("init", b"INIT", "mp4a.40.2", ()))
    async with screen.ws_connect(f"/live/{CHANNEL}.ws") as seen:
        await told(seen)
        init = await told(seen)
    assert (init["mime"], init["codec"]) == ('video/mp4; codecs="mp4a.40.2"', None)


async def test_a_screen_that_is_too_slow_is_closed_and_counted(
    app: web.Application, screen: Client, services: FakeServices, is_handed_over: bool
) -> None:
    watch = services.live.prepare(CHANNEL)
    async with screen.ws_connect(f"/live/{CHANNEL}.ws") as seen:
        await told(seen)
        watch.items.put_nowait(NotReady(code="viewer_too_slow"))
        if not is_handed_over:
            assert await told(seen) == {"type": "ended", "reason": "viewer_too_slow"}
        assert (await seen.receive(timeout=60)).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
    if is_handed_over:
        assert app[viewers_key].slow == 1


async def test_a_screen_that_closes_frees_its_place(
    app: web.Application, screen: Client, services: FakeServices
) -> None:
    watch = services.live.prepare(CHANNEL)
    seen = await screen.ws_connect(f"/live/{CHANNEL}.ws")
    await told(seen)
    await seen.close()
    await asyncio.wait_for(watch.is_left.wait(), 60)
    assert app[viewers_key].taken == 0


async def test_what_a_screen_says_is_not_listened_to(
    screen: Client, services: FakeServices
) -> None:
    watch = services.live.prepare(CHANNEL)
    async with screen.ws_connect(f"/live/{CHANNEL}.ws") as seen:
        await seen.send_str("stop")
        await told(seen)
        watch.items.put_nowait(LIVE)
        assert (await told(seen))["state"] == "live"
        await seen.send_bytes(bytes(100_000))
        assert (await seen.receive()).data == 1009  # RFC 6455 §7.4.1: message too big


async def test_the_end_of_the_session_closes_the_screen(
    screen: Client, services: FakeServices, is_handed_over: bool
) -> None:
    services.live.prepare(CHANNEL)
    seen = await screen.ws_connect(f"/live/{CHANNEL}.ws")
    await told(seen)
    services.users.sessions.clear()
    assert (await seen.receive(timeout=60)).data == (None if is_handed_over else 4401)
    await seen.close()


@pytest.mark.parametrize("output", ["flv", "mp4", "ws", "flv over a WebSocket"])
async def test_pictures_opened_by_a_url_token_end_with_the_session_behind_it(
    app: web.Application, anyone: Client, services: FakeServices, output: str
) -> None:
    watch = services.live.prepare(CHANNEL, LIVE, INIT)
    identity = services.users.sessions[services.users.open_session("viewer")]
    token = services.users.media_token(identity, CHANNEL).token
    path = f"/live/{CHANNEL}.{output[:3].strip()}?token={token}"
    if output in ("flv", "mp4"):
        answer = await anyone.get(path)
        assert await answer.content.readexactly(4) == b"INIT"
    else:
        await anyone.ws_connect(path)
    assert app[viewers_key].taken == 1
    await services.users.log_out(identity)
    await asyncio.wait_for(watch.is_left.wait(), 5)
    assert app[viewers_key].taken == 0


# ---------------------------------------------------------------- FLV over a WebSocket


@pytest.mark.parametrize(
    ("query", "form"),
    [("", "flv"), ("?h265=enhanced", "flv"), ("?h265=legacy", "flv-h265-legacy")],
)
async def test_flv_over_a_websocket_is_binary_messages_only(
    screen: Client, services: FakeServices, query: str, form: str
) -> None:
    services.live.prepare(CHANNEL, LIVE, INIT, FakeChunk("media", b"one"), LIVE, INIT, None)
    async with screen.ws_connect(FLV + query) as seen:
        messages = [message async for message in seen]
    assert {message.type for message in messages} == {WSMsgType.BINARY}
    assert [message.data for message in messages] == [b"INIT", b"one", b"INIT"]
    assert services.live.opened == [(CHANNEL, form, "viewer 127.0.0.1")]


async def test_flv_over_a_websocket_ends_with_its_stream(
    screen: Client, services: FakeServices
) -> None:
    watch = services.live.prepare(CHANNEL, INIT, failed(LiveReason.STALLED), INIT)
    async with screen.ws_connect(FLV) as seen:
        assert [message.data async for message in seen] == [b"INIT"]
    assert seen.close_code == 1000
    await asyncio.wait_for(watch.is_left.wait(), 5)


async def test_a_failure_of_flv_over_a_websocket_is_a_refused_handshake(
    viewer: Client, services: FakeServices
) -> None:
    services.live.prepare(CHANNEL, failed(LiveReason.DEVICE_OFFLINE))
    answer = await viewer.get(FLV, headers=UPGRADE)
    assert (answer.status, (await answer.json())["code"]) == (409, "device_offline")


async def test_flv_over_a_websocket_asks_for_the_same_rights(
    anyone: Client, services: FakeServices
) -> None:
    services.live.prepare(CHANNEL, INIT)
    assert (await anyone.get(FLV, headers=UPGRADE)).status == 401
    identity = services.users.sessions[services.users.open_session("viewer")]
    token = services.users.media_token(identity, OTHER).token
    assert (await anyone.get(f"{FLV}?token={token}", headers=UPGRADE)).status == 401
    elsewhere = UPGRADE | {"Origin": "https://evil.example"}
    token = services.users.media_token(identity, CHANNEL).token
    answer = await anyone.get(f"{FLV}?token={token}", headers=elsewhere)
    assert (answer.status, (await answer.json())["code"]) == (403, "cross_origin")
    assert services.live.opened == []


async def test_half_an_upgrade_is_a_problem(viewer: Client, services: FakeServices) -> None:
    answer = await viewer.get(FLV, headers={"Upgrade": "websocket"})
    assert (answer.status, (await answer.json())["code"]) == (426, "upgrade_required")
    assert services.live.opened == []


async def test_a_url_token_lets_a_screen_in_for_its_channel_only(
    anyone: Client, services: FakeServices
) -> None:
    identity = services.users.sessions[services.users.open_session("viewer")]
    token = services.users.media_token(identity, CHANNEL).token
    async with anyone.ws_connect(f"/live/{CHANNEL}.ws?token={token}") as seen:
        assert (await told(seen))["type"] == "state"
    with pytest.raises(WSServerHandshakeError) as caught:
        await anyone.ws_connect(f"/live/{OTHER}.ws?token={token}")
    assert caught.value.status == 401


async def test_a_session_token_in_the_address_of_a_picture_is_accepted(
    anyone: Client, services: FakeServices
) -> None:
    services.live.prepare(CHANNEL, INIT, None)
    token = services.users.open_session("viewer")
    assert await (await anyone.get(f"{FLV}?token={token}")).read() == b"INIT"
    assert (await anyone.get(f"{FLV}?token=forged")).status == 401


async def test_a_plain_request_to_the_websocket_is_a_problem(
    viewer: Client, services: FakeServices
) -> None:
    answer = await viewer.get(f"/live/{CHANNEL}.ws")
    assert (answer.status, (await answer.json())["code"]) == (426, "upgrade_required")
    assert answer.headers["Upgrade"] == "websocket"
    assert services.live.opened == [], "nothing was started for it"


async def test_a_stopping_server_lets_its_viewers_go_at_once(
    app: web.Application, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.app.SHUTDOWN_S", 3600.0)
    services.live.prepare(CHANNEL, INIT)
    watch = services.live.prepare(OTHER)
    runner = create_runner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host = f"127.0.0.1:{runner.addresses[0][1]}"
    headers = {"Authorization": f"Bearer {services.users.open_session('viewer')}"}
    async with ClientSession(headers=headers) as session:
        player = await session.get(f"http://{host}{FLV}")
        screen = await session.ws_connect(f"http://{host}/live/{OTHER}.ws")
        await told(screen)
        async with asyncio.timeout(60):
            await runner.cleanup()
        assert watch.is_left.is_set() and app[viewers_key].taken == 0
        player.close()
        await screen.close()


@pytest.mark.parametrize(("path", "kind"), [(".flv", "video/x-flv"), (".mp4", "video/mp4")])
async def test_a_playback_is_watched_like_a_live_picture(
    viewer: Client, anyone: Client, services: FakeServices, path: str, kind: str
) -> None:
    items = (LIVE, INIT, FakeChunk("media", b"one"), LIVE, None)
    services.playback.prepare(*items)
    answer = await viewer.get(f"/live/playbacks/{PLAYBACK}{path}")
    assert (answer.status, answer.content_type) == (200, kind)
    assert await answer.read() == b"INITone"
    urls = (await (await viewer.get(f"/api/v1/playbacks/{PLAYBACK}")).json())["urls"]
    services.playback.prepare(*items)
    address = urls["http_flv" if path == ".flv" else "http_fmp4"]
    by_token = await anyone.get(address[address.index("/live/") :])
    assert await by_token.read() == b"INITone"


async def test_a_playback_tells_its_state_over_a_socket(
    viewer: Client, services: FakeServices
) -> None:
    services.playback.prepare(LIVE, INIT, FakeChunk("media", b"one"), None)
    async with viewer.ws_connect(f"/live/playbacks/{PLAYBACK}.ws") as socket:
        heard = [message async for message in socket]
    texts = [json.loads(m.data)["type"] for m in heard if m.type is WSMsgType.TEXT]
    assert texts[-2:] == ["init", "ended"]
    assert b"one" in [m.data for m in heard if m.type is WSMsgType.BINARY]


async def test_a_playback_that_is_gone_is_not_found(viewer: Client) -> None:
    answer = await viewer.get("/live/playbacks/playback-9.flv")
    assert (answer.status, (await answer.json())["code"]) == (404, "playback_not_found")
