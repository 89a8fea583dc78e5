"""Live pictures: start or join, look, stop."""

from web.api.live_status import Live, build_live, with_urls
from web.api.wire import GbCode
from web.call import Call
from web.route import Permission, Resource

resource = Resource("live", "Live pictures (实时视频): start or join one, and where to get it.")


@resource.route(
    "POST",
    "/channels/{code}/live",
    summary="Start or join a live picture",
    permission=Permission.WATCH,
    problems=("channel_not_found",),
)
async def start_live(call: Call, code: GbCode) -> Live:
    """Begin to connect and answer at once with the state and the addresses of the picture."""
    status = await call.services.live.start(code)
    token = call.services.users.media_token(call.identity, code)
    return with_urls(build_live(status, call.language), call.request, token)


@resource.route(
    "GET",
    "/channels/{code}/live",
    summary="Show the state of a live picture",
    permission=Permission.WATCH,
    problems=("channel_not_found",),
)
async def show_live(call: Call, code: GbCode) -> Live:
    """Tell the state without starting anything."""
    await call.services.directory.channel(code)
    token = call.services.users.media_token(call.identity, code)
    return with_urls(
        build_live(call.services.live.status(code), call.language), call.request, token
    )


@resource.route(
    "DELETE",
    "/channels/{code}/live",
    summary="End a live picture nobody watches",
    permission=Permission.OPERATE,
    problems=("channel_not_found",),
)
async def stop_live(call: Call, code: GbCode) -> Live:
    """End the stream now instead of after its linger, unless somebody still watches."""
    return build_live(await call.services.live.stop(code), call.language)
