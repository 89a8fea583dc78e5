"""Channels and the trees they hang in."""

from datetime import datetime

from pydantic import Field

from vms.records import ChannelView, NodeKind, TreeBy
from web.api.live_status import Live, build_live
from web.api.wire import Body, GbCode, Name, PageOf, PageQuery, Search, Text, Wire
from web.call import Call
from web.language import Language
from web.route import Permission, Resource

resource = Resource("channels", "Channels (通道): cameras by their national code, and their trees.")


class Channel(Wire):
    """One camera. `registered`, `says_on` and `proven` are three facts; each can be false alone."""

    code: str
    name: str
    device_id: str
    category_code: Text
    """Four digits; given by somebody or guessed from the name."""
    category: Text
    organisation_id: Text
    registered: bool
    """Its device has a running registration."""
    says_on: bool
    """The device's catalogue says ON."""
    proven: bool
    """Frames of it were seen."""
    proven_at: datetime | None
    missing_since: datetime | None
    """Since when the device's catalogue no longer names it."""
    online: bool
    state_since: datetime | None
    cause: Text
    recording: bool
    """Its recording switch is on."""
    ptz_type: int | None
    live: Live | None


class ChannelPage(PageOf[Channel]):
    """One page of channels."""


class ChannelQuery(PageQuery):
    """Which channels."""

    q: Search = ""
    """Part of the name or of the code."""
    category: str = Field("", pattern=r"^([0-9]{2}|[0-9]{4}|none)?$")
    """Two or four digits, or `none`."""
    organisation: Search = ""
    """An organisation and everything below it."""
    device: str = Field("", pattern=r"^([0-9]{20})?$")
    online: bool | None = None


class ChannelChange(Body):
    """What people may change; what is left out stays."""

    name: Name | None = None
    category_code: str | None = Field(None, pattern=r"^([0-9]{4})?$")
    """Four digits (requirement of the 36 categories); empty: guess from the name again."""
    organisation_id: Search | None = None
    """Empty: as the catalogue says."""


class TreeNode(Wire):
    """One node; ask for its children with its `id` as `parent`."""

    id: str
    kind: NodeKind
    name: str
    parent: Text
    count: int
    """Channels in the whole subtree."""
    online_count: int
    has_children: bool
    channel: Channel | None = None


class Tree(Wire):
    """The children of one node."""

    nodes: list[TreeNode]


class TreeQuery(Body):
    """Which node's children, in which of the two trees."""

    by: TreeBy = TreeBy.ORGANISATION
    parent: Search = ""
    """Empty: the roots."""


def build_channel(channel: ChannelView, language: Language) -> Channel:
    """The JSON form of a channel, its live status in the reader's language."""
    live = build_live(channel.live, language) if channel.live else None
    return Channel.model_validate(channel).model_copy(update={"live": live})


@resource.route("GET", "/channels", summary="List channels", permission=Permission.WATCH)
async def list_channels(call: Call, query: ChannelQuery) -> ChannelPage:
    """Page through the channels, by name."""
    page = await call.services.directory.channels(**query.model_dump())
    items = [build_channel(channel, call.language) for channel in page.items]
    return ChannelPage(items=items, total=page.total, page=page.page, size=page.size)


@resource.route(
    "GET",
    "/channels/{code}",
    summary="Show a channel",
    permission=Permission.WATCH,
    problems=("channel_not_found",),
)
async def show_channel(call: Call, code: GbCode) -> Channel:
    """Tell what is known about one channel."""
    return build_channel(await call.services.directory.channel(code), call.language)


@resource.route(
    "PATCH",
    "/channels/{code}",
    summary="Change a channel",
    permission=Permission.ADMINISTER,
    problems=("channel_not_found", "invalid"),
)
async def change_channel(call: Call, code: GbCode, body: ChannelChange) -> Channel:
    """Give a channel a name, a category or a place in the tree."""
    channel = await call.services.directory.update_channel(code, **body.model_dump())
    return build_channel(channel, call.language)


@resource.route("GET", "/tree", summary="Browse a tree", permission=Permission.WATCH)
async def browse_tree(call: Call, query: TreeQuery) -> Tree:
    """List the children of a node of the tree by organisation or by category."""
    nodes = await call.services.directory.tree(query.by, query.parent)
    found = []
    for node in nodes:
        channel = build_channel(node.channel, call.language) if node.channel else None
        found.append(TreeNode.model_validate(node).model_copy(update={"channel": channel}))
    return Tree(nodes=found)
