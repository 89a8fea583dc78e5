"""The live status of a channel as JSON: shared by the live resource, channels, events and `.ws`."""

from datetime import datetime
from typing import Annotated

from aiohttp import web

from vms.records import LiveReason, LiveState, LiveStatus, LiveStep, MediaToken
from web.api.wire import Count, Known, Text, Wire
from web.keys import settings_key
from web.language import Language
from web.problems import PROBLEMS
from web.words.doctor import verdict_words


class LiveUrls(Wire):
    """Where the picture can be had; each carries a token that ends at `token_expires_at`."""

    ws_fmp4: str
    """fMP4 over WebSocket, for browsers (Media Source Extensions)."""
    ws_flv: str
    """FLV over WebSocket, for players in a browser (flv.js and its kind)."""
    http_flv: str
    """HTTP-FLV, for players."""
    http_fmp4: str
    """Endless fMP4 over HTTP."""


class Live(Wire):
    """The truth about one channel's live picture at one moment."""

    code: str
    state: LiveState
    step: LiveStep | None
    """Where on the way to the picture the connection is."""
    reason: LiveReason | None
    """Why there is no picture."""
    title: Text = None
    """The reason in the reader's language."""
    hint: Text = None
    """What to do about it, in the reader's language."""
    detail: Text
    """Facts for the technician, not translated."""
    verdict: Text = None
    """What the stream doctor says, also of a picture that suffers; `GET .../doctor` says why."""
    transport: Text
    codec: Text
    width: Count
    height: Count
    frame_rate: Annotated[float | None, Known]
    audio_codec: Text
    bitrate_bps: Count
    viewers: int
    received: int
    """RTP packets."""
    lost: int
    """RTP packets that never came."""
    reordered: int
    since: datetime | None
    """When it entered the state."""
    retry_at: datetime | None
    """When the next attempt begins."""
    urls: LiveUrls | None = None
    token_expires_at: datetime | None = None


def build_live(status: LiveStatus, language: Language) -> Live:
    """The status with the words for its reason."""
    live = Live.model_validate(status)
    if status.verdict:
        title, hint = verdict_words(status.verdict, language)
        return live.model_copy(update={"title": title, "hint": hint})
    if status.reason is None:
        return live
    kind = PROBLEMS[status.reason.value]
    return live.model_copy(update={"title": kind.titles[language], "hint": kind.details[language]})


def with_urls(live: Live, request: web.Request, token: MediaToken) -> Live:
    """The same with addresses at the host that the reader asked; tokens are URL-safe."""
    urls = build_urls(request, live.code, token)
    return live.model_copy(update={"urls": urls, "token_expires_at": token.expires_at})


def build_urls(request: web.Request, name: str, token: MediaToken) -> LiveUrls:
    """The addresses of a picture below `/live/`."""
    is_secure = request.secure or request.app[settings_key].secure_cookies
    place = f"s://{request.host}/live/" if is_secure else f"://{request.host}/live/"
    query = f"?token={token.token}"
    return LiveUrls(
        ws_fmp4=f"ws{place}{name}.ws{query}",
        ws_flv=f"ws{place}{name}.flv{query}",
        http_flv=f"http{place}{name}.flv{query}",
        http_fmp4=f"http{place}{name}.mp4{query}",
    )
