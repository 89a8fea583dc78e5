"""The two trees of cameras, level by level, with counts from aggregates and never row by row.

By organisation: our own organisations and the devices without one are at the root; a device holds
the organisations of its catalog; each holds its channels. By category: the 36, then those without.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from peewee import Database, fn

from channel_registry.categories import BY_PREFIX, CATEGORIES
from channel_registry.errors import InvalidFilter
from channel_registry.models import Channel, Device, Organisation
from channel_registry.queries.channels import (
    NO_CATEGORY,
    channel_record,
    online_sum,
    select_channels,
)
from channel_registry.records import ChannelRecord, NodeKind, TreeBy, TreeNode
from channel_registry.statements import fetch

MAX_CHANNELS = 1_000
"""Channel nodes of one answer; more are asked for by `offset`."""


def tree(
    database: Database,
    by: TreeBy,
    parent: str | None = None,
    *,
    offset: int = 0,
    limit: int = MAX_CHANNELS,
) -> tuple[TreeNode, ...]:
    """The children of a node, or the root's; folders first, then channels.

    `offset` and `limit` count channels only. A parent that does not exist has no children.
    """
    if not 0 <= offset or not 1 <= limit <= MAX_CHANNELS:
        raise InvalidFilter("limit", f"1 to {MAX_CHANNELS}, offset from 0")
    if by is TreeBy.CATEGORY:
        return _by_category(database, parent, offset, limit)
    return _by_organisation(database, parent, offset, limit)


def _by_category(
    database: Database, parent: str | None, offset: int, limit: int
) -> tuple[TreeNode, ...]:
    if parent is not None:
        known = parent in BY_PREFIX or parent == NO_CATEGORY
        prefix = None if parent == NO_CATEGORY else parent
        where = Channel.category.is_null() if prefix is None else Channel.category == prefix
        order = (Channel.category_code.asc(nulls="last"), Channel.code)
        return _channels(database, where, order, parent, offset, limit) if known else ()
    query = (
        Channel.select(
            Channel.category, fn.COUNT(Channel.code).alias("count"), online_sum().alias("online")
        )
        .join(Device)
        .group_by(Channel.category)
    )
    found = {row["category"]: row for row in fetch(query, database)}
    names: list[tuple[str | None, str]] = [(one.prefix, one.name) for one in CATEGORIES]
    if None in found:
        names.append((None, ""))
    nothing = {"count": 0, "online": 0}
    return tuple(
        _folder(prefix or NO_CATEGORY, NodeKind.CATEGORY, name, None, found.get(prefix, nothing))
        for prefix, name in names
    )


def _folder(identity: str, kind: NodeKind, name: str, parent: str | None, figures: Any) -> TreeNode:
    total = int(figures["count"])
    return TreeNode(identity, kind, name, parent, total, int(figures["online"]), total > 0)


@dataclass(slots=True)
class _Folder:
    kind: NodeKind
    name: str
    parent: str | None
    hidden_when_empty: bool
    count: int = 0
    online: int = 0
    children: list[str] = field(default_factory=list)


def _by_organisation(
    database: Database, parent: str | None, offset: int, limit: int
) -> tuple[TreeNode, ...]:
    folders = _folders(database)
    _count(database, folders)
    inner = folders[parent].children if parent in folders else []
    top = [key for key, folder in folders.items() if folder.parent is None]
    shown = [key for key in (top if parent is None else inner) if _is_shown(folders[key])]
    nodes = [_folder_node(key, folders[key], folders) for key in shown]
    if parent in folders:
        device = folders[parent].kind is NodeKind.DEVICE
        direct = (Channel.device == parent) & Channel.organisation.is_null()
        where = direct if device else Channel.organisation == parent
        nodes += _channels(database, where, (Channel.code,), parent, offset, limit)
    return tuple(nodes)


def _is_shown(folder: _Folder) -> bool:
    return folder.count > 0 or not folder.hidden_when_empty


def _folder_node(key: str, folder: _Folder, folders: dict[str, _Folder]) -> TreeNode:
    inner = any(_is_shown(folders[child]) for child in folder.children)
    return TreeNode(
        id=key,
        kind=folder.kind,
        name=folder.name,
        parent=folder.parent,
        count=folder.count,
        online_count=folder.online,
        has_children=inner or folder.count > 0,
    )


def _folders(database: Database) -> dict[str, _Folder]:
    """Organisations and devices by id (an organisation's id is never a device's)."""
    columns = (Organisation.id, Organisation.name, Organisation.parent, Organisation.device_id)
    organisations = Organisation.select(*columns, Organisation.missing_since)
    folders: dict[str, _Folder] = {}
    for row in fetch(organisations.order_by(Organisation.name, Organisation.id), database):
        parent = row["parent"] or row["device_id"]
        gone = row["missing_since"] is not None
        folders[row["id"]] = _Folder(NodeKind.ORGANISATION, row["name"], parent, gone)
    devices = Device.select(Device.id, Device.name, Device.reported_name, Device.organisation)
    for row in fetch(devices.order_by(Device.id), database):
        name = row["name"] or row["reported_name"] or row["id"]
        folders[row["id"]] = _Folder(NodeKind.DEVICE, name, row["organisation"], False)
    for key, folder in folders.items():
        if folder.parent in folders:
            folders[folder.parent].children.append(key)
    return folders


def _count(database: Database, folders: dict[str, _Folder]) -> None:
    """Two aggregates per organisation and per bare device, then summed up the tree."""
    figures: Counter[str] = Counter()
    online: Counter[str] = Counter()
    own = fn.COALESCE(Channel.organisation, Channel.device)
    query = (
        Channel.select(
            own.alias("folder"),
            fn.COUNT(Channel.code).alias("count"),
            online_sum().alias("online"),
        )
        .join(Device)
        .group_by(own)
    )
    for row in fetch(query, database):
        figures[row["folder"]] = int(row["count"])
        online[row["folder"]] = int(row["online"])
    for key in figures:
        for above in _upward(key, folders):
            folders[above].count += figures[key]
            folders[above].online += online[key]


def _upward(key: str | None, folders: dict[str, _Folder]) -> list[str]:
    """A folder and those above it; never more than there are."""
    path: list[str] = []
    while key is not None and key in folders and len(path) <= len(folders):
        path.append(key)
        key = folders[key].parent
    return path


def _channels(
    database: Database,
    where: Any,
    order: tuple[Any, ...],
    parent: str | None,
    offset: int,
    limit: int,
) -> tuple[TreeNode, ...]:
    query = select_channels().where(where).order_by(*order).offset(offset).limit(limit)
    return tuple(_channel_node(channel_record(row), parent) for row in fetch(query, database))


def _channel_node(channel: ChannelRecord, parent: str | None) -> TreeNode:
    return TreeNode(
        id=channel.code,
        kind=NodeKind.CHANNEL,
        name=channel.name,
        parent=parent,
        count=1,
        online_count=int(channel.online),
        has_children=False,
        channel=channel,
    )
