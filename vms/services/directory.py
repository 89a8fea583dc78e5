"""Devices, channels and trees: what exists, how it is named, what it says of itself."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from peewee import Database

from channel_registry.categories import CATEGORIES
from channel_registry.codes import ChannelCode
from channel_registry.errors import InvalidCode
from channel_registry.queries import channels as channel_queries
from channel_registry.queries import devices as device_queries
from channel_registry.queries.tree import tree as tree_nodes
from channel_registry.records import ChannelFilter, ChannelRecord, MediaTransport, TreeNode
from vms.clock import Clock
from vms.config_sections import MediaSection, SipSection
from vms.errors import Invalid
from vms.ids import new_password
from vms.records import (
    AccessValues,
    AttemptView,
    ChannelView,
    DeviceView,
    LiveState,
    LiveStatus,
    Page,
    Span,
    SubjectKind,
    TreeBy,
    TreeNodeView,
)
from vms.secrets import Secrets
from vms.services.addresses import own_addresses
from vms.services.store import Store
from vms.storage.queries.attempts import list_attempts
from vms.storage.queries.capabilities import forget_capabilities
from vms.storage.queries.spans import end_spans, open_spans
from vms.storage.queries.subscriptions import forget_subscriptions
from vms.storage.queries.transports import forget_transport

LONGEST_PASSWORD = 64
CATEGORY_NAMES = {category.prefix: category.name for category in CATEGORIES}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What other services know about channels and devices."""

    is_recording: Callable[[str], bool]
    live_status: Callable[[str], LiveStatus]
    forget_device: Callable[[str], None]
    """The registrar must not accept it any more."""
    refresh_catalog: Callable[[str], Awaitable[None]]
    reload_credentials: Callable[[], Awaitable[object]]
    registry_changed: Callable[[], None]
    """People named, placed or removed something."""
    sip_port: Callable[[], int]
    http_port: Callable[[], int]


class DirectoryService:
    """Reads and changes the registry for people."""

    def __init__(
        self,
        store: Store,
        secrets: Secrets,
        clock: Clock,
        around: Surroundings,
        *,
        sip: SipSection,
        media: MediaSection,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._clock = clock
        self._around = around
        self._sip = sip
        self._media = media

    # Devices

    async def devices(
        self, *, q: str = "", online: bool | None = None, page: int = 1, size: int = 50
    ) -> Page[DeviceView]:
        """Devices in the order of their ids; `q` is part of a name or of an id."""
        return await self._store.run(
            device_queries.list_devices, q=q, online=online, page=page, size=size
        )

    async def device(self, device_id: str) -> DeviceView:
        """One device; raises NotFound(device)."""
        return await self._store.run(device_queries.get_device, device_id)

    async def add_device(
        self, device_id: str, *, name: str = "", password: str = ""
    ) -> tuple[DeviceView, str]:
        """Let a device in and answer its password, generated when none is given.

        Raises Invalid(id), Invalid(password), Conflict(device_exists).
        """
        check_device_id(device_id)
        password = usable_password(password)
        device = await self._store.run(
            device_queries.add_device,
            device_id,
            at=self._clock.wall(),
            name=name,
            secret=self._secrets.encrypt(password),
            media_transport=MediaTransport(self._media.transports[0].value),
        )
        await self._around.reload_credentials()
        return device, password

    async def rename_device(self, device_id: str, name: str) -> DeviceView:
        """Give a device another name; raises NotFound(device)."""
        device = await self._store.run(device_queries.update_device, device_id, name=name)
        self._around.registry_changed()
        return device

    async def reset_password(self, device_id: str, password: str = "") -> str:
        """Give a device another password; the running registration lasts until its refresh."""
        password = usable_password(password)
        secret = self._secrets.encrypt(password)
        await self._store.run(device_queries.set_device_secret, device_id, secret)
        await self._around.reload_credentials()
        return password

    async def delete_device(self, device_id: str) -> None:
        """Remove a device and its channels; recordings and alarms stay."""
        await self._store.run(remove_device, device_id, self._clock.wall())
        await self._around.reload_credentials()
        self._around.forget_device(device_id)
        self._around.registry_changed()

    async def refresh_catalog(self, device_id: str) -> None:
        """Ask a device for its channels; the outcome comes as CatalogMerged.

        Raises NotFound(device), NotReady(device_offline).
        """
        await self.device(device_id)
        await self._around.refresh_catalog(device_id)

    # Channels

    async def channels(
        self,
        *,
        q: str = "",
        category: str = "",
        organisation: str = "",
        device: str = "",
        online: bool | None = None,
        page: int = 1,
        size: int = 50,
    ) -> Page[ChannelView]:
        """Channels that pass every filter given, in the order of their codes."""
        wanted = ChannelFilter(
            category=category or None,
            organisation=organisation or None,
            device=device or None,
            online=online,
            q=q,
        )
        found, spans = await self._store.run(_channel_page, wanted, page, size)
        views = tuple(self._view(record, spans.get(record.code)) for record in found.items)
        return Page(views, found.total, found.page, found.size)

    async def channel(self, code: str) -> ChannelView:
        """One channel; raises NotFound(channel)."""
        record, span = await self._store.run(_channel, code)
        return self._view(record, span)

    async def update_channel(
        self,
        code: str,
        *,
        name: str | None = None,
        category_code: str | None = None,
        organisation_id: str | None = None,
    ) -> ChannelView:
        """Change what is given; empty text takes a given value back. Raises NotFound, Invalid."""
        given = {"name": name, "category_code": category_code, "organisation_id": organisation_id}
        changes = {key: value or None for key, value in given.items() if value is not None}
        await self._store.run(_change_channel, code, changes)
        self._around.registry_changed()
        return await self.channel(code)

    async def tree(self, by: TreeBy, parent: str = "") -> tuple[TreeNodeView, ...]:
        """The children of a node, or the roots."""
        nodes, spans = await self._store.run(_tree, by, parent or None)
        return tuple(
            TreeNodeView(
                id=node.id,
                kind=node.kind,
                name=node.name,
                parent=node.parent,
                count=node.count,
                online_count=node.online_count,
                has_children=node.has_children,
                channel=self._view(node.channel, spans.get(node.id)) if node.channel else None,
            )
            for node in nodes
        )

    # The access page

    def access_values(self) -> AccessValues:
        """What has to be typed into a camera."""
        sip = self._sip
        addresses = (sip.advertised_host,) if sip.advertised_host else own_addresses()
        return AccessValues(
            server_id=sip.server_id,
            domain=sip.domain,
            realm=sip.realm or sip.domain,
            addresses=addresses,
            port=self._around.sip_port(),
            transports=("udp", "tcp"),
            keepalive_interval_s=sip.keepalive_interval_s,
            keepalive_count=sip.keepalive_count,
            expires_s=sip.max_expires_s,
            http_port=self._around.http_port(),
        )

    async def registration_attempts(self, limit: int = 200) -> tuple[AttemptView, ...]:
        """What has tried to register, the latest first."""
        return await self._store.run(_attempts, limit)

    def _view(self, record: ChannelRecord, span: Span | None) -> ChannelView:
        live = self._around.live_status(record.code)
        category_code = record.category_code or record.category or ""
        return ChannelView(
            code=record.code,
            name=record.name,
            device_id=record.device_id,
            category_code=category_code,
            category=CATEGORY_NAMES.get(category_code[:2], ""),
            organisation_id=record.organisation_id or "",
            registered=record.registered,
            says_on=record.says_on,
            proven=record.proven,
            proven_at=record.proven_at,
            missing_since=record.missing_since,
            online=record.online,
            state_since=span.started_at if span else None,
            cause=span.cause.value if span else "",
            recording=self._around.is_recording(record.code),
            ptz_type=record.ptz_type,
            live=None if live.state is LiveState.IDLE else live,
        )


def check_device_id(device_id: str) -> None:
    """Raise Invalid(id) unless it is a 20-digit code."""
    try:
        ChannelCode.parse(device_id)
    except InvalidCode as error:
        raise Invalid("id", "bad_code", str(error)) from error


def usable_password(password: str) -> str:
    """The given password, or a new one; raises Invalid(password) for what no camera can take."""
    if not password:
        return new_password()
    if len(password) > LONGEST_PASSWORD or not password.isprintable():
        raise Invalid("password", "not_printable_or_too_long")
    return password


def remove_device(database: Database, device_id: str, at: datetime) -> None:
    """Remove a device with its channels, and end their spans."""
    with database.atomic():
        codes = device_queries.delete_device(database, device_id)
        forget_subscriptions(database, device_id)
        end_spans(database, SubjectKind.DEVICE, [device_id], at=at)
        end_spans(database, SubjectKind.CHANNEL, codes, at=at)
        forget_capabilities(database, device_id)
        forget_transport(database, device_id)


def _spans(database: Database, records: Iterable[ChannelRecord]) -> dict[str, Span]:
    return open_spans(database, SubjectKind.CHANNEL, [record.code for record in records])


def _channel_page(
    database: Database, wanted: ChannelFilter, page: int, size: int
) -> tuple[Page[ChannelRecord], dict[str, Span]]:
    found = channel_queries.list_channels(database, wanted, page=page, size=size)
    return found, _spans(database, found.items)


def _channel(database: Database, code: str) -> tuple[ChannelRecord, Span | None]:
    record = channel_queries.get_channel(database, code)
    return record, _spans(database, [record]).get(code)


def _change_channel(database: Database, code: str, changes: dict[str, str | None]) -> None:
    channel_queries.update_channel(database, code, **changes)


def _tree(
    database: Database, by: TreeBy, parent: str | None
) -> tuple[tuple[TreeNode, ...], dict[str, Span]]:
    nodes = tree_nodes(database, by, parent)
    return nodes, _spans(database, [node.channel for node in nodes if node.channel])


def _attempts(database: Database, limit: int) -> tuple[AttemptView, ...]:
    attempts = list_attempts(database, limit)
    known = device_queries.known_devices(database, {each.device_id for each in attempts})
    return tuple(
        AttemptView(
            at=each.last_at,
            device_id=each.device_id,
            address=each.address,
            transport=each.transport,
            outcome=each.outcome,
            count=each.count,
            user_agent=each.user_agent,
            known=each.device_id in known,
        )
        for each in attempts
    )
